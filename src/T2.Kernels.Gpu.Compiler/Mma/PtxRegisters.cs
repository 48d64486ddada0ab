using System.Runtime.CompilerServices;
using ILGPU.Runtime.Cuda;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>
/// Registers and shared memory that every tensor-core kernel declares by name at its start, so that later instructions can name them: fragments a0–a15 and
/// b0–b7, sums sum0–sum63, and the two stages of tiles. ILGPU knows nothing of them, which is why they survive its optimiser untouched.
/// </summary>
internal static class PtxRegisters
{
    /// <summary>Declares everything, zeroes the sums and gives the address of shared memory.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint Declare()
    {
        CudaAsm.Emit(".shared .align 128 .b8 tiles[37888];");
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
        CudaAsm.Emit("mov.u32 %0, tiles;", out uint address);
        return address;
    }

    /// <summary>cp.async of 16 bytes past the first-level cache: every byte is used once per block.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Copy(uint shared, long global) => CudaAsm.Emit("cp.async.cg.shared.global [%0], [%1], 16;", shared, global);

    /// <summary>Waits for all copies of this thread.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AwaitCopies() => CudaAsm.Emit("cp.async.wait_all;");

    /// <summary>The warp's four 16-row fragments of A. The lane addresses one of 16 rows, 16 rows are 1280 bytes apart.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void LoadA(uint address) => CudaAsm.Emit(
        "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a0, a1, a2, a3}, [%0+0];\n"
        + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a4, a5, a6, a7}, [%0+1280];\n"
        + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a8, a9, a10, a11}, [%0+2560];\n"
        + "ldmatrix.sync.aligned.m8n8.x4.shared.b16 {a12, a13, a14, a15}, [%0+3840];\n",
        address);

    /// <summary>Sixteen sums of fragment row 0 to 3.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static MmaSums Sums(int row)
    {
        var sums = default(MmaSums);
        switch (row)
        {
            case 0:
                CudaAsm.Emit("mov.f32 %0, sum0;", out sums.Fragment0.X);
                CudaAsm.Emit("mov.f32 %0, sum1;", out sums.Fragment0.Y);
                CudaAsm.Emit("mov.f32 %0, sum2;", out sums.Fragment0.Z);
                CudaAsm.Emit("mov.f32 %0, sum3;", out sums.Fragment0.W);
                CudaAsm.Emit("mov.f32 %0, sum4;", out sums.Fragment1.X);
                CudaAsm.Emit("mov.f32 %0, sum5;", out sums.Fragment1.Y);
                CudaAsm.Emit("mov.f32 %0, sum6;", out sums.Fragment1.Z);
                CudaAsm.Emit("mov.f32 %0, sum7;", out sums.Fragment1.W);
                CudaAsm.Emit("mov.f32 %0, sum8;", out sums.Fragment2.X);
                CudaAsm.Emit("mov.f32 %0, sum9;", out sums.Fragment2.Y);
                CudaAsm.Emit("mov.f32 %0, sum10;", out sums.Fragment2.Z);
                CudaAsm.Emit("mov.f32 %0, sum11;", out sums.Fragment2.W);
                CudaAsm.Emit("mov.f32 %0, sum12;", out sums.Fragment3.X);
                CudaAsm.Emit("mov.f32 %0, sum13;", out sums.Fragment3.Y);
                CudaAsm.Emit("mov.f32 %0, sum14;", out sums.Fragment3.Z);
                CudaAsm.Emit("mov.f32 %0, sum15;", out sums.Fragment3.W);
                break;
            case 1:
                CudaAsm.Emit("mov.f32 %0, sum16;", out sums.Fragment0.X);
                CudaAsm.Emit("mov.f32 %0, sum17;", out sums.Fragment0.Y);
                CudaAsm.Emit("mov.f32 %0, sum18;", out sums.Fragment0.Z);
                CudaAsm.Emit("mov.f32 %0, sum19;", out sums.Fragment0.W);
                CudaAsm.Emit("mov.f32 %0, sum20;", out sums.Fragment1.X);
                CudaAsm.Emit("mov.f32 %0, sum21;", out sums.Fragment1.Y);
                CudaAsm.Emit("mov.f32 %0, sum22;", out sums.Fragment1.Z);
                CudaAsm.Emit("mov.f32 %0, sum23;", out sums.Fragment1.W);
                CudaAsm.Emit("mov.f32 %0, sum24;", out sums.Fragment2.X);
                CudaAsm.Emit("mov.f32 %0, sum25;", out sums.Fragment2.Y);
                CudaAsm.Emit("mov.f32 %0, sum26;", out sums.Fragment2.Z);
                CudaAsm.Emit("mov.f32 %0, sum27;", out sums.Fragment2.W);
                CudaAsm.Emit("mov.f32 %0, sum28;", out sums.Fragment3.X);
                CudaAsm.Emit("mov.f32 %0, sum29;", out sums.Fragment3.Y);
                CudaAsm.Emit("mov.f32 %0, sum30;", out sums.Fragment3.Z);
                CudaAsm.Emit("mov.f32 %0, sum31;", out sums.Fragment3.W);
                break;
            case 2:
                CudaAsm.Emit("mov.f32 %0, sum32;", out sums.Fragment0.X);
                CudaAsm.Emit("mov.f32 %0, sum33;", out sums.Fragment0.Y);
                CudaAsm.Emit("mov.f32 %0, sum34;", out sums.Fragment0.Z);
                CudaAsm.Emit("mov.f32 %0, sum35;", out sums.Fragment0.W);
                CudaAsm.Emit("mov.f32 %0, sum36;", out sums.Fragment1.X);
                CudaAsm.Emit("mov.f32 %0, sum37;", out sums.Fragment1.Y);
                CudaAsm.Emit("mov.f32 %0, sum38;", out sums.Fragment1.Z);
                CudaAsm.Emit("mov.f32 %0, sum39;", out sums.Fragment1.W);
                CudaAsm.Emit("mov.f32 %0, sum40;", out sums.Fragment2.X);
                CudaAsm.Emit("mov.f32 %0, sum41;", out sums.Fragment2.Y);
                CudaAsm.Emit("mov.f32 %0, sum42;", out sums.Fragment2.Z);
                CudaAsm.Emit("mov.f32 %0, sum43;", out sums.Fragment2.W);
                CudaAsm.Emit("mov.f32 %0, sum44;", out sums.Fragment3.X);
                CudaAsm.Emit("mov.f32 %0, sum45;", out sums.Fragment3.Y);
                CudaAsm.Emit("mov.f32 %0, sum46;", out sums.Fragment3.Z);
                CudaAsm.Emit("mov.f32 %0, sum47;", out sums.Fragment3.W);
                break;
            default:
                CudaAsm.Emit("mov.f32 %0, sum48;", out sums.Fragment0.X);
                CudaAsm.Emit("mov.f32 %0, sum49;", out sums.Fragment0.Y);
                CudaAsm.Emit("mov.f32 %0, sum50;", out sums.Fragment0.Z);
                CudaAsm.Emit("mov.f32 %0, sum51;", out sums.Fragment0.W);
                CudaAsm.Emit("mov.f32 %0, sum52;", out sums.Fragment1.X);
                CudaAsm.Emit("mov.f32 %0, sum53;", out sums.Fragment1.Y);
                CudaAsm.Emit("mov.f32 %0, sum54;", out sums.Fragment1.Z);
                CudaAsm.Emit("mov.f32 %0, sum55;", out sums.Fragment1.W);
                CudaAsm.Emit("mov.f32 %0, sum56;", out sums.Fragment2.X);
                CudaAsm.Emit("mov.f32 %0, sum57;", out sums.Fragment2.Y);
                CudaAsm.Emit("mov.f32 %0, sum58;", out sums.Fragment2.Z);
                CudaAsm.Emit("mov.f32 %0, sum59;", out sums.Fragment2.W);
                CudaAsm.Emit("mov.f32 %0, sum60;", out sums.Fragment3.X);
                CudaAsm.Emit("mov.f32 %0, sum61;", out sums.Fragment3.Y);
                CudaAsm.Emit("mov.f32 %0, sum62;", out sums.Fragment3.Z);
                CudaAsm.Emit("mov.f32 %0, sum63;", out sums.Fragment3.W);
                break;
        }
        return sums;
    }
}
