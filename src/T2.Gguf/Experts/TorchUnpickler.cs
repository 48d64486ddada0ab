using System.Buffers.Binary;
using System.Text;

namespace T2.Gguf.Experts;

/// <summary>
/// Reads the pickle of a PyTorch checkpoint without executing anything: pickle is a program for a stack machine, and this machine knows only the
/// instructions that build plain data, and only the names in <see cref="TorchGlobal"/>. Everything else is an error that names it.
/// </summary>
/// <remarks>Memory is bounded by the length of the pickle: every instruction pushes at most one object, and none repeats.</remarks>
internal ref struct TorchUnpickler(ReadOnlySpan<byte> pickle, string path)
{
    private const int MaxGlobalLength = 256;

    private static readonly object s_mark = new();

    private readonly ReadOnlySpan<byte> _pickle = pickle;
    private readonly List<object?> _stack = [];
    private readonly Dictionary<uint, object?> _memo = [];
    private int _position;
    private int _instructionAt;

    /// <summary>Runs the pickle to its STOP and returns what it built.</summary>
    /// <exception cref="GgufException">The pickle is malformed or asks for anything not allowed.</exception>
    public object? Read()
    {
        while (true)
        {
            _instructionAt = _position;
            var code = Take(1)[0];
            if (code == '.')
                return _stack.Count == 1 ? Pop() : throw Error($"STOP with {_stack.Count} objects on the stack");
            Execute(code);
        }
    }

    private void Execute(byte code)
    {
        switch (code)
        {
            case 0x80:
                if (Take(1)[0] is not 2 and var protocol)
                    throw Error($"pickle protocol {protocol}; torch.save writes 2");
                break;
            case (byte)'(': Push(s_mark); break;
            case (byte)'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case (byte)'K': Push((long)Take(1)[0]); break;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case 0x8A: Push(ReadLong()); break;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case (byte)'X': Push(ReadUnicode()); break;
            case (byte)'c': Push(ReadGlobal()); break;
            case (byte)'q': _memo[Take(1)[0]] = Peek(); break;
            case (byte)'r': _memo[BinaryPrimitives.ReadUInt32LittleEndian(Take(4))] = Peek(); break;
            case (byte)'h': Push(Recall(Take(1)[0])); break;
            case (byte)'j': Push(Recall(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
            case (byte)')': Push(Array.Empty<object?>()); break;
            case 0x85: Push(PopMany(1)); break;
            case 0x86: Push(PopMany(2)); break;
            case 0x87: Push(PopMany(3)); break;
            case (byte)'t': Push(PopToMark()); break;
            case (byte)'}': Push(new TorchDict()); break;
            case (byte)'s': SetItems(PopMany(2)); break;
            case (byte)'u': SetItems(PopToMark()); break;
            case (byte)']': Push(new List<object?>()); break;
            case (byte)'a': Append(PopMany(1)); break;
            case (byte)'e': Append(PopToMark()); break;
            case (byte)'Q': Push(ToStorage(Pop())); break;
            case (byte)'R': Push(Reduce()); break;
            case (byte)'b': Build(); break;
            default: throw Error($"instruction 0x{code:X2} is not one of those that build plain tensors");
        }
    }

    private object Reduce()
    {
        var arguments = Pop() as object?[] ?? throw Error("REDUCE without a tuple of arguments");
        return (Pop(), arguments) switch
        {
            (TorchGlobal.OrderedDict, []) => new TorchDict(),
            (TorchGlobal.RebuildTensor, [TorchStorage storage, long offset, object?[] shape, object?[] strides, bool, TorchDict, ..]) =>
                new TorchView(storage, offset, ToSizes(shape), ToSizes(strides)),
            (TorchGlobal.RebuildParameter, [TorchView tensor, bool, TorchDict]) => tensor,
            (TorchGlobal name, _) => throw Error($"{name} with arguments it does not take"),
            _ => throw Error("a call of something that is not a name"),
        };
    }

    // The state of a dict is what Python code hung on it (state_dict's _metadata); nothing in it concerns the tensors.
    private void Build()
    {
        _ = Pop();
        if (Peek() is not TorchDict)
            throw Error("BUILD of something other than a dict");
    }

    private readonly long[] ToSizes(object?[] tuple)
    {
        var sizes = new long[tuple.Length];
        for (var i = 0; i < sizes.Length; i++)
            sizes[i] = tuple[i] is long size ? size : throw Error("a tensor with a size that is not an integer");
        return sizes;
    }

    private readonly TorchStorage ToStorage(object? id) => id is object?[] and ["storage", TorchGlobal type, string key, string, long length]
        ? new TorchStorage(
            type switch
            {
                TorchGlobal.FloatStorage => TensorType.F32,
                TorchGlobal.HalfStorage => TensorType.F16,
                TorchGlobal.BFloat16Storage => TensorType.BF16,
                TorchGlobal.DoubleStorage => TensorType.F64,
                _ => throw Error($"{type} as the type of a storage"),
            },
            key,
            length)
        : throw Error("a persistent id that is not a storage");

    private TorchGlobal ReadGlobal()
    {
        var module = ReadLine();
        var name = ReadLine();
        return (module, name) switch
        {
            ("collections", "OrderedDict") => TorchGlobal.OrderedDict,
            ("torch._utils", "_rebuild_tensor_v2") => TorchGlobal.RebuildTensor,
            ("torch._utils", "_rebuild_parameter") => TorchGlobal.RebuildParameter,
            ("torch", "FloatStorage") => TorchGlobal.FloatStorage,
            ("torch", "HalfStorage") => TorchGlobal.HalfStorage,
            ("torch", "BFloat16Storage") => TorchGlobal.BFloat16Storage,
            ("torch", "DoubleStorage") => TorchGlobal.DoubleStorage,
            _ => throw Error($"the name {module}.{name} is not allowed: only dicts of floating-point tensors are read, and no code is run"),
        };
    }

    private string ReadLine()
    {
        var rest = _pickle[_position..];
        var length = rest[..Math.Min(rest.Length, MaxGlobalLength)].IndexOf((byte)'\n');
        if (length < 0)
            throw Error($"a name without an end within {MaxGlobalLength} bytes");
        var line = Decode(Take(length));
        _position++;
        return line;
    }

    private string ReadUnicode()
    {
        var length = BinaryPrimitives.ReadUInt32LittleEndian(Take(4));
        return Decode(Take(length));
    }

    private long ReadLong()
    {
        var bytes = Take(Take(1)[0]);
        if (bytes.Length > sizeof(long))
            throw Error($"an integer of {bytes.Length} bytes");
        var value = bytes.Length > 0 && (sbyte)bytes[^1] < 0 ? -1L : 0L;
        for (var i = bytes.Length - 1; i >= 0; i--)
            value = (value << 8) | bytes[i];
        return value;
    }

    private readonly string Decode(ReadOnlySpan<byte> utf8) => System.Text.Unicode.Utf8.IsValid(utf8)
        ? Encoding.UTF8.GetString(utf8)
        : throw Error("text that is not UTF-8");

    private readonly void SetItems(object?[] pairs)
    {
        if (pairs.Length % 2 != 0 || Peek() is not TorchDict dict)
            throw Error("SETITEM without a dict and pairs to set");
        for (var i = 0; i < pairs.Length; i += 2)
            dict.Items.Add((pairs[i], pairs[i + 1]));
    }

    private readonly void Append(object?[] items)
    {
        if (Peek() is not List<object?> list)
            throw Error("APPEND without a list");
        list.AddRange(items);
    }

    private readonly object? Recall(uint index) => _memo.TryGetValue(index, out var value) ? value : throw Error($"memo {index} was never set");

    private readonly void Push(object? value) => _stack.Add(value);

    private readonly object? Peek() => _stack.Count > 0 && !ReferenceEquals(_stack[^1], s_mark) ? _stack[^1] : throw Error("the stack is empty");

    private readonly object? Pop()
    {
        var value = Peek();
        _stack.RemoveAt(_stack.Count - 1);
        return value;
    }

    private readonly object?[] PopMany(int count)
    {
        var values = new object?[count];
        for (var i = count - 1; i >= 0; i--)
            values[i] = Pop();
        return values;
    }

    private readonly object?[] PopToMark()
    {
        var mark = _stack.LastIndexOf(s_mark);
        if (mark < 0)
            throw Error("no MARK on the stack");
        var values = _stack[(mark + 1)..].ToArray();
        _stack.RemoveRange(mark, _stack.Count - mark);
        return values;
    }

    private ReadOnlySpan<byte> Take(long count)
    {
        if (count > _pickle.Length - _position)
            throw Error("the pickle ends within an instruction");
        var taken = _pickle.Slice(_position, (int)count);
        _position += (int)count;
        return taken;
    }

    private readonly GgufException Error(string problem) => new($"data.pkl, position {_instructionAt}: {problem}.", path);
}
