using System.Buffers.Binary;
using System.IO.Compression;
using System.IO.Hashing;
using System.Runtime.InteropServices;

namespace T2.Gguf.Experts;

/// <summary>
/// A PyTorch checkpoint (<c>torch.save</c>'s zip format) of a dict from names to floating-point tensors or parameters. The pickle inside is read
/// as data: no code of the file runs, and anything but such a dict is refused.
/// </summary>
public sealed class TorchCheckpoint
{
    /// <summary>Most values a checkpoint may hold, all tensors together. An expert of a 70B model has under 4 million.</summary>
    public const long MaxValues = 64 << 20;

    // A pickle takes about 120 bytes per tensor.
    private const int MaxPickleBytes = 8 << 20;
    private const string PickleEntry = "/data.pkl";

    private TorchCheckpoint(string path, IReadOnlyList<TorchTensor> tensors)
    {
        Path = path;
        Tensors = tensors;
    }

    /// <summary>The path the checkpoint was read from.</summary>
    public string Path { get; }

    /// <summary>The tensors, in the order of the dict.</summary>
    public IReadOnlyList<TorchTensor> Tensors { get; }

    /// <summary>Reads and checks a whole checkpoint.</summary>
    /// <exception cref="GgufException">The file is absent, unreadable, damaged, too large, or anything but a dict of floating-point tensors; the message says which.</exception>
    public static TorchCheckpoint Load(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        using var stream = new FileStream(RegularFile.OpenRead(path, out _), FileAccess.Read);
        try
        {
            using var zip = new ZipArchive(stream, ZipArchiveMode.Read);
            return new TorchCheckpoint(path, new Reader(zip, path).ReadTensors());
        }
        catch (Exception e) when (e is InvalidDataException or IOException or NotSupportedException)
        {
            throw new GgufException($"not a readable torch checkpoint ({e.Message.TrimEnd('.')}). Files from before PyTorch 1.6 must be saved again with a newer one.", path, null, e);
        }
    }

    private sealed class Reader(ZipArchive zip, string path)
    {
        private readonly Dictionary<string, byte[]> _storages = [];
        private long _valuesLeft = MaxValues;
        private long _bytesLeft = MaxValues * sizeof(float);

        public TorchTensor[] ReadTensors()
        {
            var pickle = zip.Entries.FirstOrDefault(static entry => entry.FullName.EndsWith(PickleEntry, StringComparison.Ordinal))
                ?? throw new GgufException("not a torch checkpoint: the zip file has no data.pkl.", path);
            var root = pickle.FullName[..^PickleEntry.Length];
            CheckByteOrder(root);
            if (pickle.Length > MaxPickleBytes)
                throw new GgufException($"data.pkl has {pickle.Length} bytes, over the limit of {MaxPickleBytes}.", path);
            var content = new TorchUnpickler(ReadEntry(pickle), path).Read();
            if (content is not TorchDict dict)
                throw new GgufException("the checkpoint is not a dict of tensors.", path);

            var names = new HashSet<string>(StringComparer.Ordinal);
            var tensors = new TorchTensor[dict.Items.Count];
            for (var i = 0; i < tensors.Length; i++)
            {
                if (dict.Items[i] is not (string name, var value))
                    throw new GgufException($"key {i} of the checkpoint is not a string.", path);
                if (value is not TorchView view)
                    throw new GgufException($"\"{name}\" is not a tensor.", path);
                if (!names.Add(name))
                    throw new GgufException($"\"{name}\" appears twice.", path);
                tensors[i] = new TorchTensor(name, view.Storage.Type, view.Shape, ReadValues(root, name, view));
            }
            return tensors;
        }

        private void CheckByteOrder(string root)
        {
            // PyTorch before 2.1 does not write the entry.
            if (zip.GetEntry($"{root}/byteorder") is { } entry && (entry.Length != "little"u8.Length || !ReadEntry(entry).AsSpan().SequenceEqual("little"u8)))
                throw new GgufException("the checkpoint was not saved on a little-endian machine.", path);
        }

        private float[] ReadValues(string root, string name, TorchView view)
        {
            var count = CheckView(name, view);
            var storage = ReadStorage(root, name, view.Storage);
            var values = new float[count];
            var index = new long[view.Shape.Length];
            var at = view.Offset;
            for (var i = 0; i < values.Length; i++)
            {
                values[i] = ToSingle(storage, view.Storage.Type, (int)at);
                // Count up the index, last dimension first, and keep the position in step.
                for (var d = index.Length - 1; d >= 0; d--)
                {
                    at += view.Strides[d];
                    if (++index[d] < view.Shape[d])
                        break;
                    at -= view.Strides[d] * view.Shape[d];
                    index[d] = 0;
                }
            }
            return values;
        }

        /// <summary>Checks that the view lies within its storage, and returns its number of values.</summary>
        private int CheckView(string name, TorchView view)
        {
            if (view.Shape.Length != view.Strides.Length || view.Shape.Length > 8)
                throw new GgufException($"\"{name}\" has {view.Shape.Length} sizes and {view.Strides.Length} strides.", path);
            var length = view.Storage.Length;
            var count = 1L;
            UInt128 last = (UInt128)Math.Max(0, view.Offset);
            var isOutside = view.Offset < 0 || length < 0;
            for (var d = 0; d < view.Shape.Length; d++)
            {
                var (size, stride) = (view.Shape[d], view.Strides[d]);
                if (size < 0 || stride < 0)
                    throw new GgufException($"\"{name}\" has size {size} with stride {stride} in dimension {d}.", path);
                // Every factor is below 2^63 and there are at most 8 sums, so 128 bits suffice; the count is cut off before it grows.
                last += (UInt128)Math.Max(0, size - 1) * (UInt128)stride;
                count = size == 0 || count == 0 ? 0 : size > MaxValues || count * size > MaxValues ? MaxValues + 1 : count * size;
            }
            if (isOutside || (count > 0 && last >= (UInt128)length))
                throw new GgufException($"\"{name}\" reaches outside its storage of {length} values.", path);
            _valuesLeft -= count;
            return _valuesLeft >= 0
                ? (int)count
                : throw new GgufException($"the tensors up to \"{name}\" have over {MaxValues} values: too many for an expert.", path);
        }

        private byte[] ReadStorage(string root, string name, TorchStorage storage)
        {
            if (_storages.TryGetValue(storage.Key, out var bytes) && bytes.Length == ByteLength(storage))
                return bytes;
            var entry = zip.GetEntry($"{root}/data/{storage.Key}")
                ?? throw new GgufException($"the storage \"data/{storage.Key}\" of \"{name}\" is missing.", path);
            if (storage.Length > MaxValues || entry.Length != ByteLength(storage))
                throw new GgufException($"the storage of \"{name}\" has {entry.Length} bytes where {storage.Length} values of {storage.Type} were expected.", path);
            _bytesLeft -= entry.Length;
            if (_bytesLeft < 0)
                throw new GgufException($"the storages up to that of \"{name}\" have over {MaxValues * sizeof(float)} bytes: too many for an expert.", path);
            return _storages[storage.Key] = ReadEntry(entry);
        }

        private static long ByteLength(TorchStorage storage) => storage.Length * TensorTypes.Info(storage.Type).BlockBytes;

        /// <summary>Reads an entry whose declared length has been checked: no more than that is ever unpacked.</summary>
        private byte[] ReadEntry(ZipArchiveEntry entry)
        {
            var bytes = new byte[entry.Length];
            using var stream = entry.Open();
            var read = stream.ReadAtLeast(bytes, bytes.Length, throwOnEndOfStream: false);
            if (read < bytes.Length || stream.ReadByte() >= 0 || Crc32.HashToUInt32(bytes) != entry.Crc32)
                throw new GgufException($"the zip entry \"{entry.FullName}\" is damaged.", path);
            return bytes;
        }

        private static float ToSingle(ReadOnlySpan<byte> storage, TensorType type, int index) => type switch
        {
            TensorType.F32 => MemoryMarshal.Cast<byte, float>(storage)[index],
            TensorType.F16 => (float)MemoryMarshal.Cast<byte, Half>(storage)[index],
            TensorType.BF16 => BitConverter.UInt32BitsToSingle((uint)BinaryPrimitives.ReadUInt16LittleEndian(storage[(index * 2)..]) << 16),
            _ => (float)MemoryMarshal.Cast<byte, double>(storage)[index],
        };
    }
}
