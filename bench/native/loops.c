/* The loop of FibonacciUnchecked on the machine's own integers, and on four of them as the EVM would have it. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

typedef struct { uint64_t limb[4]; } word;

static inline word add(word a, word b) {
    word sum;
    unsigned __int128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (unsigned __int128)a.limb[i] + b.limb[i];
        sum.limb[i] = (uint64_t)carry;
        carry >>= 64;
    }
    return sum;
}

static inline int less(word a, word b) {
    for (int i = 3; i >= 0; i--)
        if (a.limb[i] != b.limb[i]) return a.limb[i] < b.limb[i];
    return 0;
}

__attribute__((noinline)) static uint64_t narrow(uint64_t n) {
    uint64_t a = 0, b = 1;
    for (uint64_t i = 0; i < n; i++) {
        uint64_t next = a + b;
        a = b;
        b = next;
        __asm__ volatile("" : "+r"(a), "+r"(b)); /* or it is computed four steps at a time */
    }
    return a;
}

__attribute__((noinline)) static word wide(word n) {
    word a = {{0}}, b = {{1}}, one = {{1}};
    for (word i = {{0}}; less(i, n); i = add(i, one)) {
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
    uint64_t n = strtoull(arguments[1], NULL, 10);
    double began = now();
    uint64_t small = narrow(n);
    double middle = now();
    word big = wide((word){{n}});
    double end = now();
    printf("%.6f %.6f %llu %llu\n", middle - began, end - middle, (unsigned long long)small,
           (unsigned long long)big.limb[0]);
    return count < 2;
}
