using System.Runtime.CompilerServices;
using ILGPU.Runtime.Cuda;

namespace T2.Kernels.Gpu.Compiler;

/// <summary>tf32 on tensor cores: mma.sync.m16n8k8 on 32-bit words, half the speed of f16 and single's range. sm_80.</summary>
internal struct PtxTf32 : ITensorCore
{
    public long A;
    public long B;
    public long C;

    public static int ChunksPerRowB => 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void CopyA(int shared, long offset) => PtxRegisters.Copy(shared, A + offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void CopyB(int shared, long offset) => PtxRegisters.Copy(shared, B + offset);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AwaitCopies() => PtxRegisters.AwaitCopies();

    /// <summary>ldmatrix transposes 16-bit values only, so words are loaded one by one: lane l has depth l mod 4 (and 4 further) of column l / 4; rows of 544 bytes keep the 32 loads in 32 banks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Load(int a, int stageB, int step, int warpColumn, int lane)
    {
        PtxRegisters.LoadA(a);
        var b = MmaPlaces.WordB(stageB, step, warpColumn, lane);
        CudaAsm.Emit(
            "add.u32 place, base, %0;\n"
            + "ld.shared.b32 b0, [place+0];\n"
            + "ld.shared.b32 b1, [place+2176];\n"
            + "ld.shared.b32 b2, [place+32];\n"
            + "ld.shared.b32 b3, [place+2208];\n"
            + "ld.shared.b32 b4, [place+64];\n"
            + "ld.shared.b32 b5, [place+2240];\n"
            + "ld.shared.b32 b6, [place+96];\n"
            + "ld.shared.b32 b7, [place+2272];\n",
            b);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Multiply() => CudaAsm.Emit(
        "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum0, sum1, sum2, sum3}, {a0, a1, a2, a3}, {b0, b1}, {sum0, sum1, sum2, sum3};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum4, sum5, sum6, sum7}, {a0, a1, a2, a3}, {b2, b3}, {sum4, sum5, sum6, sum7};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum8, sum9, sum10, sum11}, {a0, a1, a2, a3}, {b4, b5}, {sum8, sum9, sum10, sum11};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum12, sum13, sum14, sum15}, {a0, a1, a2, a3}, {b6, b7}, {sum12, sum13, sum14, sum15};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum16, sum17, sum18, sum19}, {a4, a5, a6, a7}, {b0, b1}, {sum16, sum17, sum18, sum19};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum20, sum21, sum22, sum23}, {a4, a5, a6, a7}, {b2, b3}, {sum20, sum21, sum22, sum23};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum24, sum25, sum26, sum27}, {a4, a5, a6, a7}, {b4, b5}, {sum24, sum25, sum26, sum27};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum28, sum29, sum30, sum31}, {a4, a5, a6, a7}, {b6, b7}, {sum28, sum29, sum30, sum31};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum32, sum33, sum34, sum35}, {a8, a9, a10, a11}, {b0, b1}, {sum32, sum33, sum34, sum35};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum36, sum37, sum38, sum39}, {a8, a9, a10, a11}, {b2, b3}, {sum36, sum37, sum38, sum39};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum40, sum41, sum42, sum43}, {a8, a9, a10, a11}, {b4, b5}, {sum40, sum41, sum42, sum43};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum44, sum45, sum46, sum47}, {a8, a9, a10, a11}, {b6, b7}, {sum44, sum45, sum46, sum47};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum48, sum49, sum50, sum51}, {a12, a13, a14, a15}, {b0, b1}, {sum48, sum49, sum50, sum51};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum52, sum53, sum54, sum55}, {a12, a13, a14, a15}, {b2, b3}, {sum52, sum53, sum54, sum55};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum56, sum57, sum58, sum59}, {a12, a13, a14, a15}, {b4, b5}, {sum56, sum57, sum58, sum59};\n"
        + "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {sum60, sum61, sum62, sum63}, {a12, a13, a14, a15}, {b6, b7}, {sum60, sum61, sum62, sum63};\n");

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void AddSum(int index, int place) => PtxRegisters.AddSum(index, C + ((long)place * sizeof(float)));
}
