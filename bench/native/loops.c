/* The loop of FibonacciUnchecked on the machine's own integers, and on four of them as the EVM would have it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef unsigned __int128 wide;
typedef struct { uint64_t a, b, c, d; } word; /* the lowest first */

static inline word add(word x, word y) {
    word sum;
    unsigned char carry;
    carry = __builtin_add_overflow(x.a, y.a, &sum.a);
    wide b = (wide)x.b + y.b + carry;
    wide c = (wide)x.c + y.c + (uint64_t)(b >> 64);
    sum.b = (uint64_t)b;
    sum.c = (uint64_t)c;
    sum.d = x.d + y.d + (uint64_t)(c >> 64);
    return sum;
}

static inline int less(word x, word y) {
    if (x.d != y.d) return x.d < y.d;
    if (x.c != y.c) return x.c < y.c;
    if (x.b != y.b) return x.b < y.b;
    return x.a < y.a;
}

__attribute__((noinline)) static uint64_t narrow(uint64_t n) {
    uint64_t a = 0, b = 1;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t next = a + b;
        a = b;
        b = next;
        __asm__ volatile("" : "+r"(a), "+r"(b)); /* or several turns become one */
    }
    return a;
}

__attribute__((noinline)) static word four(word n) {
    word a = {0}, b = {1}, one = {1};
    for (word i = {0}; less(i, n); i = add(i, one)) {
        word next = add(a, b);
        a = b;
        b = next;
    }
    return a;
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

int main(int count, char **arguments) {
    if (count < 2) return 1;
    uint64_t n = strtoull(arguments[1], NULL, 10);
    double began = now();
    uint64_t small = narrow(n);
    double middle = now();
    word big = four((word){n});
    double end = now();
    printf("%.6f %.6f\n", middle - began, end - middle);
    return small == big.a ? 0 : 2;
}
