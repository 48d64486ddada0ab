using System.Runtime.CompilerServices;

// Structs cross to native code as they lie in memory; nothing is marshalled behind the declarations' back.
[assembly: DisableRuntimeMarshalling]
