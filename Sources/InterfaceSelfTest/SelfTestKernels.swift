/// The kernels of a self-test, and what they are to compute.
enum SelfTestKernels {
    static let groupSize = 32

    static let source = """
        kernel void arithmetic(global const uint *in, global uint *out, uint salt) {
            size_t i = get_global_id(0);
            uint x = in[i] * 2654435761u + salt;
            x ^= x >> 13;
            float f = (float)(x & 1023u) * 3.0f + 0.5f;
            int s = (int)(x >> 16) - 32768;
            out[i] = x + (uint)(f * 2.0f) + (uint)(s / 7) + (uint)(s % 7);
        }
        kernel void groups(global const uint *in, global uint *out, local uint *part) {
            uint i = get_local_id(0);
            part[i] = in[get_global_id(0)];
            barrier(CLK_LOCAL_MEM_FENCE);
            for (uint step = get_local_size(0) / 2; step > 0; step /= 2) {
                if (i < step) part[i] += part[i + step];
                barrier(CLK_LOCAL_MEM_FENCE);
            }
            if (i == 0) out[get_group_id(0)] = part[0];
        }
        kernel void tally(global const uint *in, global volatile uint *counts) {
            atomic_inc(&counts[in[get_global_id(0)] % 16u]);
        }
        kernel void turn(global const uint *in, global uint *out) {
            size_t x = get_global_id(0), y = get_global_id(1);
            out[x * get_global_size(1) + y] = in[y * get_global_size(0) + x];
        }
        kernel void idle(global uint *out) { out[0] = 1u; }
        """

    static let brokenSource = "kernel void broken(global uint *out) { out[0] = undeclared; "

    /// What the kernel `arithmetic` gives; the factor is Knuth's for hashing by multiplication.
    static func arithmetic(_ number: UInt32, salt: UInt32) -> UInt32 {
        var x = number &* 2_654_435_761 &+ salt
        x ^= x >> 13
        let f = Float(x & 1_023) * 3 + 0.5
        let s = Int32(x >> 16) - 32_768
        return x &+ UInt32(f * 2) &+ UInt32(bitPattern: s / 7) &+ UInt32(bitPattern: s % 7)
    }

    /// Numbers without a pattern, the same every time (a linear congruence; Numerical Recipes, chapter 7).
    static func numbers(_ count: Int) -> [UInt32] {
        var state: UInt32 = 1
        return (0..<count).map { _ in
            state = state &* 1_664_525 &+ 1_013_904_223
            return state
        }
    }
}
