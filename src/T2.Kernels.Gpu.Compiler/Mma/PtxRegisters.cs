using System.Runtime.CompilerServices;
using ILGPU.Runtime.Cuda;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Registers and shared memory that every tensor-core kernel declares by name at its start, so that later instructions can name them: fragments a0–a15 and
/// b0–b7, sums sum0–sum63, and the two stages of tiles. ILGPU knows nothing of them, which is why they survive its optimiser untouched; a value handed back
/// to ILGPU would pass through local memory (1.5.3 stores every output of inline PTX there), so nothing ever is.
/// </summary>
internal static class PtxRegisters
{
    /// <summary>Declares everything and zeroes the sums.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Declare()
    {
        CudaAsm.Emit(".shared .align 128 .b8 tiles[37888];");
        CudaAsm.Emit(".reg .u32 base, place;");
        CudaAsm.Emit(".reg .b32 a<16>;");
        CudaAsm.Emit(".reg .b32 b<8>;");
        CudaAsm.Emit(".reg .f32 sum<64>;");
        CudaAsm.Emit(
            "mov.f32 sum0, 0f00000000; mov.f32 sum1, 0f00000000; mov.f32 sum2, 0f00000000; mov.f32 sum3, 0f00000000;\n"
            + "mov.f32 sum4, 0f00000000; mov.f32 sum5, 0f00000000; mov.f32 sum6, 0f00000000; mov.f32 sum7, 0f00000000;\n"
            + "mov.f32 sum8, 0f00000000; mov.f32 sum9, 0f00000000; mov.f32 sum10, 0f00000000; mov.f32 sum11, 0f00000000;\n"
            + "mov.f32 sum12, 0f00000000; mov.f32 sum13, 0f00000000; mov.f32 sum14, 0f00000000; mov.f32 sum15, 0f00000000;\n"
            + "mov.f32 sum16, 0f00000000; mov.f32 sum17, 0f00000000; mov.f32 sum18, 0f00000000; mov.f32 sum19, 0f00000000;\n"
            + "mov.f32 sum20, 0f00000000; mov.f32 sum21, 0f00000000; mov.f32 sum22, 0f00000000; mov.f32 sum23, 0f00000000;\n"
            + "mov.f32 sum24, 0f00000000; mov.f32 sum25, 0f00000000; mov.f32 sum26, 0f00000000; mov.f32 sum27, 0f00000000;\n"
            + "mov.f32 sum28, 0f00000000; mov.f32 sum29, 0f00000000; mov.f32 sum30, 0f00000000; mov.f32 sum31, 0f00000000;\n"
            + "mov.f32 sum32, 0f00000000; mov.f32 sum33, 0f00000000; mov.f32 sum34, 0f00000000; mov.f32 sum35, 0f00000000;\n"
            + "mov.f32 sum36, 0f00000000; mov.f32 sum37, 0f00000000; mov.f32 sum38, 0f00000000; mov.f32 sum39, 0f00000000;\n"
            + "mov.f32 sum40, 0f00000000; mov.f32 sum41, 0f00000000; mov.f32 sum42, 0f00000000; mov.f32 sum43, 0f00000000;\n"
            + "mov.f32 sum44, 0f00000000; mov.f32 sum45, 0f00000000; mov.f32 sum46, 0f00000000; mov.f32 sum47, 0f00000000;\n"
            + "mov.f32 sum48, 0f00000000; mov.f32 sum49, 0f00000000; mov.f32 sum50, 0f00000000; mov.f32 sum51, 0f00000000;\n"
            + "mov.f32 sum52, 0f00000000; mov.f32 sum53, 0f00000000; mov.f32 sum54, 0f00000000; mov.f32 sum55, 0f00000000;\n"
            + "mov.f32 sum56, 0f00000000; mov.f32 sum57, 0f00000000; mov.f32 sum58, 0f00000000; mov.f32 sum59, 0f00000000;\n"
            + "mov.f32 sum60, 0f00000000; mov.f32 sum61, 0f00000000; mov.f32 sum62, 0f00000000; mov.f32 sum63, 0f00000000;\n");
        CudaAsm.Emit("mov.u32 base, tiles;");
    }

    /// <summary>cp.async of 16 bytes past the first-level cache: every byte is used once per block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(int shared, long global) => CudaAsm.Emit("add.u32 place, base, %0;\ncp.async.cg.shared.global [place], [%1], 16;", shared, global);

    /// <summary>Waits for all copies of this thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AwaitCopies() => CudaAsm.Emit("cp.async.wait_all;");

    /// <summary>The warp's four 16-row fragments of A. The lane addresses one of 16 rows, 16 rows are 1280 bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadA(int address) => CudaAsm.Emit(
        "add.u32 place, base, %0;\n"
        + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a0, a1, a2, a3}, [place+0];\n"
        + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a4, a5, a6, a7}, [place+1280];\n"
        + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a8, a9, a10, a11}, [place+2560];\n"
        + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a12, a13, a14, a15}, [place+3840];\n",
        address);

    /// <summary>
    /// C[at <paramref name="address"/>] += sum <paramref name="index"/>, which must be a constant. A reduction leaves without waiting; 64 dependent loads would
    /// not. Only one thread ever adds to a place, so the result does not depend on order.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddSum(int index, long address)
    {
        switch (index)
        {
            case 0: CudaAsm.Emit("red.global.add.f32 [%0], sum0;", address); break;
            case 1: CudaAsm.Emit("red.global.add.f32 [%0], sum1;", address); break;
            case 2: CudaAsm.Emit("red.global.add.f32 [%0], sum2;", address); break;
            case 3: CudaAsm.Emit("red.global.add.f32 [%0], sum3;", address); break;
            case 4: CudaAsm.Emit("red.global.add.f32 [%0], sum4;", address); break;
            case 5: CudaAsm.Emit("red.global.add.f32 [%0], sum5;", address); break;
            case 6: CudaAsm.Emit("red.global.add.f32 [%0], sum6;", address); break;
            case 7: CudaAsm.Emit("red.global.add.f32 [%0], sum7;", address); break;
            case 8: CudaAsm.Emit("red.global.add.f32 [%0], sum8;", address); break;
            case 9: CudaAsm.Emit("red.global.add.f32 [%0], sum9;", address); break;
            case 10: CudaAsm.Emit("red.global.add.f32 [%0], sum10;", address); break;
            case 11: CudaAsm.Emit("red.global.add.f32 [%0], sum11;", address); break;
            case 12: CudaAsm.Emit("red.global.add.f32 [%0], sum12;", address); break;
            case 13: CudaAsm.Emit("red.global.add.f32 [%0], sum13;", address); break;
            case 14: CudaAsm.Emit("red.global.add.f32 [%0], sum14;", address); break;
            case 15: CudaAsm.Emit("red.global.add.f32 [%0], sum15;", address); break;
            case 16: CudaAsm.Emit("red.global.add.f32 [%0], sum16;", address); break;
            case 17: CudaAsm.Emit("red.global.add.f32 [%0], sum17;", address); break;
            case 18: CudaAsm.Emit("red.global.add.f32 [%0], sum18;", address); break;
            case 19: CudaAsm.Emit("red.global.add.f32 [%0], sum19;", address); break;
            case 20: CudaAsm.Emit("red.global.add.f32 [%0], sum20;", address); break;
            case 21: CudaAsm.Emit("red.global.add.f32 [%0], sum21;", address); break;
            case 22: CudaAsm.Emit("red.global.add.f32 [%0], sum22;", address); break;
            case 23: CudaAsm.Emit("red.global.add.f32 [%0], sum23;", address); break;
            case 24: CudaAsm.Emit("red.global.add.f32 [%0], sum24;", address); break;
            case 25: CudaAsm.Emit("red.global.add.f32 [%0], sum25;", address); break;
            case 26: CudaAsm.Emit("red.global.add.f32 [%0], sum26;", address); break;
            case 27: CudaAsm.Emit("red.global.add.f32 [%0], sum27;", address); break;
            case 28: CudaAsm.Emit("red.global.add.f32 [%0], sum28;", address); break;
            case 29: CudaAsm.Emit("red.global.add.f32 [%0], sum29;", address); break;
            case 30: CudaAsm.Emit("red.global.add.f32 [%0], sum30;", address); break;
            case 31: CudaAsm.Emit("red.global.add.f32 [%0], sum31;", address); break;
            case 32: CudaAsm.Emit("red.global.add.f32 [%0], sum32;", address); break;
            case 33: CudaAsm.Emit("red.global.add.f32 [%0], sum33;", address); break;
            case 34: CudaAsm.Emit("red.global.add.f32 [%0], sum34;", address); break;
            case 35: CudaAsm.Emit("red.global.add.f32 [%0], sum35;", address); break;
            case 36: CudaAsm.Emit("red.global.add.f32 [%0], sum36;", address); break;
            case 37: CudaAsm.Emit("red.global.add.f32 [%0], sum37;", address); break;
            case 38: CudaAsm.Emit("red.global.add.f32 [%0], sum38;", address); break;
            case 39: CudaAsm.Emit("red.global.add.f32 [%0], sum39;", address); break;
            case 40: CudaAsm.Emit("red.global.add.f32 [%0], sum40;", address); break;
            case 41: CudaAsm.Emit("red.global.add.f32 [%0], sum41;", address); break;
            case 42: CudaAsm.Emit("red.global.add.f32 [%0], sum42;", address); break;
            case 43: CudaAsm.Emit("red.global.add.f32 [%0], sum43;", address); break;
            case 44: CudaAsm.Emit("red.global.add.f32 [%0], sum44;", address); break;
            case 45: CudaAsm.Emit("red.global.add.f32 [%0], sum45;", address); break;
            case 46: CudaAsm.Emit("red.global.add.f32 [%0], sum46;", address); break;
            case 47: CudaAsm.Emit("red.global.add.f32 [%0], sum47;", address); break;
            case 48: CudaAsm.Emit("red.global.add.f32 [%0], sum48;", address); break;
            case 49: CudaAsm.Emit("red.global.add.f32 [%0], sum49;", address); break;
            case 50: CudaAsm.Emit("red.global.add.f32 [%0], sum50;", address); break;
            case 51: CudaAsm.Emit("red.global.add.f32 [%0], sum51;", address); break;
            case 52: CudaAsm.Emit("red.global.add.f32 [%0], sum52;", address); break;
            case 53: CudaAsm.Emit("red.global.add.f32 [%0], sum53;", address); break;
            case 54: CudaAsm.Emit("red.global.add.f32 [%0], sum54;", address); break;
            case 55: CudaAsm.Emit("red.global.add.f32 [%0], sum55;", address); break;
            case 56: CudaAsm.Emit("red.global.add.f32 [%0], sum56;", address); break;
            case 57: CudaAsm.Emit("red.global.add.f32 [%0], sum57;", address); break;
            case 58: CudaAsm.Emit("red.global.add.f32 [%0], sum58;", address); break;
            case 59: CudaAsm.Emit("red.global.add.f32 [%0], sum59;", address); break;
            case 60: CudaAsm.Emit("red.global.add.f32 [%0], sum60;", address); break;
            case 61: CudaAsm.Emit("red.global.add.f32 [%0], sum61;", address); break;
            case 62: CudaAsm.Emit("red.global.add.f32 [%0], sum62;", address); break;
            default: CudaAsm.Emit("red.global.add.f32 [%0], sum63;", address); break;
        }
    }
}
