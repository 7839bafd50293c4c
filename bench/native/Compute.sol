// SPDX-License-Identifier: MIT OR Apache-2.0
pragma solidity ^0.8.24;

// Pure computation, one contract per kind, as the benchmark of native code runs it: `run(n)` gives a check value that
// depends on all of the work.

contract FibonacciUnchecked {
    function run(uint256 n) external pure returns (uint256 a) {
        uint256 b = 1;
        unchecked {
            for (uint256 i = 0; i < n; ++i) {
                (a, b) = (b, a + b);
            }
        }
    }
}

/// The same length of loop in checked arithmetic; values stay below a modulus, or it would overflow.
contract FibonacciChecked {
    function run(uint256 n) external pure returns (uint256 a) {
        uint256 b = 1;
        for (uint256 i = 0; i < n; i++) {
            uint256 next = a + b;
            if (next >= 2 ** 128) next -= 2 ** 128;
            (a, b) = (b, next);
        }
    }
}

contract Sieve {
    /// How many primes are below n.
    function run(uint256 n) external pure returns (uint256 count) {
        bytes memory composite = new bytes(n);
        for (uint256 i = 2; i < n; i++) {
            if (composite[i] != 0) continue;
            count++;
            for (uint256 j = i * i; j < n; j += i) composite[j] = 0x01;
        }
    }
}

contract MatrixProduct {
    function run(uint256 n) external pure returns (uint256 check) {
        uint256[] memory a = new uint256[](n * n);
        uint256[] memory b = new uint256[](n * n);
        uint256[] memory c = new uint256[](n * n);
        for (uint256 i = 0; i < n * n; i++) {
            a[i] = i + 1;
            b[i] = n * n - i;
        }
        for (uint256 i = 0; i < n; i++) {
            for (uint256 j = 0; j < n; j++) {
                uint256 sum = 0;
                for (uint256 k = 0; k < n; k++) sum += a[i * n + k] * b[k * n + j];
                c[i * n + j] = sum;
            }
        }
        for (uint256 i = 0; i < n * n; i++) check ^= c[i] * (i + 1);
    }
}

contract Sha256 {
    /// SHA-256 of n blocks of zeros, without the precompile.
    function run(uint256 n) external pure returns (uint256) {
        uint32[64] memory k = [
            0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
            0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
            0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
            0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
            0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
            0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
            0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
            0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2
        ];
        uint32[8] memory h = [
            0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, uint32(0x5be0cd19)
        ];
        uint32[64] memory w;
        for (uint256 block_ = 0; block_ <= n; block_++) {
            for (uint256 i = 0; i < 16; i++) w[i] = 0;
            if (block_ == n) {
                w[0] = 0x80000000;
                w[14] = uint32((n * 512) >> 32);
                w[15] = uint32(n * 512);
            }
            _compress(h, w, k);
        }
        uint256 digest = 0;
        for (uint256 i = 0; i < 8; i++) digest = (digest << 32) | h[i];
        return digest;
    }

    function _compress(uint32[8] memory h, uint32[64] memory w, uint32[64] memory k) private pure {
        unchecked {
            for (uint256 i = 16; i < 64; i++) {
                uint32 x = w[i - 15];
                uint32 y = w[i - 2];
                uint32 s0 = _rotate(x, 7) ^ _rotate(x, 18) ^ (x >> 3);
                uint32 s1 = _rotate(y, 17) ^ _rotate(y, 19) ^ (y >> 10);
                w[i] = w[i - 16] + s0 + w[i - 7] + s1;
            }
            uint32[8] memory v;
            for (uint256 i = 0; i < 8; i++) v[i] = h[i];
            for (uint256 i = 0; i < 64; i++) _round(v, w[i] + k[i]);
            for (uint256 i = 0; i < 8; i++) h[i] += v[i];
        }
    }

    function _round(uint32[8] memory v, uint32 input) private pure {
        unchecked {
            uint32 e = v[4];
            uint32 a = v[0];
            uint32 t1 = v[7] + (_rotate(e, 6) ^ _rotate(e, 11) ^ _rotate(e, 25)) + ((e & v[5]) ^ (~e & v[6])) + input;
            uint32 t2 =
                (_rotate(a, 2) ^ _rotate(a, 13) ^ _rotate(a, 22)) + ((a & v[1]) ^ (a & v[2]) ^ (v[1] & v[2]));
            v[7] = v[6];
            v[6] = v[5];
            v[5] = e;
            v[4] = v[3] + t1;
            v[3] = v[2];
            v[2] = v[1];
            v[1] = a;
            v[0] = t1 + t2;
        }
    }

    function _rotate(uint32 x, uint256 bits) private pure returns (uint32) {
        return uint32((x >> bits) | (uint256(x) << (32 - bits)));
    }
}

contract Mandelbrot {
    int256 private constant ONE = 1 << 64;

    /// Iterations of all points of an n x n picture, in fixed point with 64 binary places.
    function run(uint256 n) external pure returns (uint256 total) {
        unchecked {
            int256 size = int256(n);
            for (int256 py = 0; py < size; py++) {
                for (int256 px = 0; px < size; px++) {
                    int256 cx = (px * 3 * ONE) / size - 2 * ONE;
                    int256 cy = (py * 2 * ONE) / size - ONE;
                    int256 x = 0;
                    int256 y = 0;
                    for (uint256 i = 0; i < 100; i++) {
                        int256 xx = (x * x) >> 64;
                        int256 yy = (y * y) >> 64;
                        if (xx + yy > 4 * ONE) break;
                        y = ((2 * x * y) >> 64) + cy;
                        x = xx - yy + cx;
                        total++;
                    }
                }
            }
        }
    }
}

contract RayTracer {
    int256 private constant ONE = 1e6;

    struct Vector {
        int256 x;
        int256 y;
        int256 z;
    }

    struct Sphere {
        Vector centre;
        int256 radius;
        Vector colour;
    }

    /// An n x n picture of four spheres and their shadows, in decimal fixed point and checked arithmetic.
    function run(uint256 n) external pure returns (uint256 check) {
        Sphere[] memory scene = _scene();
        Vector memory eye = Vector(0, 0, -3 * ONE);
        for (uint256 y = 0; y < n; y++) {
            for (uint256 x = 0; x < n; x++) {
                Vector memory ray = Vector(
                    (int256(2 * x) - int256(n)) * ONE / int256(n), (int256(n) - int256(2 * y)) * ONE / int256(n), 2 * ONE
                );
                Vector memory colour = _trace(scene, eye, _unit(ray));
                check = uint256(keccak256(abi.encode(check, colour.x, colour.y, colour.z)));
            }
        }
    }

    function _trace(Sphere[] memory scene, Vector memory from, Vector memory ray)
        private
        pure
        returns (Vector memory)
    {
        (int256 distance, uint256 hit) = _nearest(scene, from, ray);
        if (distance == type(int256).max) return Vector(ONE / 5, ONE / 4, ONE / 2);
        Vector memory place = _add(from, _scale(ray, distance));
        Vector memory normal = _unit(_subtract(place, scene[hit].centre));
        Vector memory light = _unit(Vector(ONE, 2 * ONE, -ONE));
        int256 brightness = _dot(normal, light);
        if (brightness < 0) brightness = 0;
        (int256 shadow,) = _nearest(scene, _add(place, _scale(normal, ONE / 1000)), light);
        if (shadow != type(int256).max) brightness = brightness / 3;
        return _scale(scene[hit].colour, brightness + ONE / 10);
    }

    function _nearest(Sphere[] memory scene, Vector memory from, Vector memory ray)
        private
        pure
        returns (int256 best, uint256 hit)
    {
        best = type(int256).max;
        for (uint256 i = 0; i < scene.length; i++) {
            Vector memory between = _subtract(from, scene[i].centre);
            int256 b = _dot(between, ray);
            int256 c = _dot(between, between) - scene[i].radius * scene[i].radius / ONE;
            int256 discriminant = b * b / ONE - c;
            if (discriminant < 0) continue;
            int256 distance = -b - _root(discriminant);
            if (distance > ONE / 10000 && distance < best) {
                best = distance;
                hit = i;
            }
        }
    }

    function _scene() private pure returns (Sphere[] memory scene) {
        scene = new Sphere[](4);
        scene[0] = Sphere(Vector(0, 0, ONE), ONE, Vector(ONE, ONE / 4, ONE / 4));
        scene[1] = Sphere(Vector(ONE, ONE / 2, 0), ONE / 2, Vector(ONE / 4, ONE, ONE / 4));
        scene[2] = Sphere(Vector(-ONE, -ONE / 2, 0), ONE / 2, Vector(ONE / 4, ONE / 4, ONE));
        scene[3] = Sphere(Vector(0, -101 * ONE, 0), 100 * ONE, Vector(ONE / 2, ONE / 2, ONE / 2));
    }

    function _dot(Vector memory a, Vector memory b) private pure returns (int256) {
        return (a.x * b.x + a.y * b.y + a.z * b.z) / ONE;
    }

    function _add(Vector memory a, Vector memory b) private pure returns (Vector memory) {
        return Vector(a.x + b.x, a.y + b.y, a.z + b.z);
    }

    function _subtract(Vector memory a, Vector memory b) private pure returns (Vector memory) {
        return Vector(a.x - b.x, a.y - b.y, a.z - b.z);
    }

    function _scale(Vector memory a, int256 factor) private pure returns (Vector memory) {
        return Vector(a.x * factor / ONE, a.y * factor / ONE, a.z * factor / ONE);
    }

    function _unit(Vector memory a) private pure returns (Vector memory) {
        int256 length = _root(_dot(a, a));
        return Vector(a.x * ONE / length, a.y * ONE / length, a.z * ONE / length);
    }

    function _root(int256 value) private pure returns (int256 root) {
        int256 target = value * ONE;
        root = value > ONE ? value : ONE;
        for (uint256 i = 0; i < 24; i++) {
            int256 next = (root + target / root) / 2;
            if (next >= root) break;
            root = next;
        }
    }
}

contract Hashing {
    /// A chain of n hashes of a word.
    function run(uint256 n) external pure returns (uint256) {
        bytes32 value = bytes32(n);
        for (uint256 i = 0; i < n; i++) value = keccak256(abi.encode(value));
        return uint256(value);
    }
}
