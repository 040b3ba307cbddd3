// Running a plan: checked with arrays by name, or unchecked with pointers.

import LacunaFormats
import LacunaOperations

extension GraphPlan {
  /// All outputs for one array for each input.
  ///
  /// - Throws: ``GraphError`` when an input is missing, unknown, or of another type than the plan was made for.
  public func run(_ arrays: [String: GraphArray]) throws(GraphError) -> [String: GraphArray] {
    try run(arrays) { run(inputs: $0, outputs: $1) }
  }

  /// Calls `body` with the memory of arrays by name and of results, which are returned.
  func run(
    _ arrays: [String: GraphArray],
    _ body: (
      UnsafeBufferPointer<UnsafeRawPointer>, UnsafeBufferPointer<UnsafeMutableRawPointer>
    ) -> Void
  ) throws(GraphError) -> [String: GraphArray] {
    for name in arrays.keys where !inputs.contains(where: { $0.name == name }) {
      throw .unknownInput(name)
    }
    for input in inputs {
      guard let array = arrays[input.name] else { throw .missingInput(input.name) }
      if array.type != input.type {
        throw .inputType(input: input.name, expected: input.type, actual: array.type)
      }
    }
    // Copies keep every pointer good until the run has ended.
    let x = inputs.map { input in
      let memory = AlignedBuffer<UInt8>(count: input.type.byteCount)
      arrays[input.name]!.withUnsafeBytes { bytes in
        if let start = bytes.baseAddress {
          UnsafeMutableRawPointer(memory.pointer).copyMemory(from: start, byteCount: bytes.count)
        }
      }
      return memory
    }
    let y = outputs.map { AlignedBuffer<UInt8>(count: $0.type.byteCount) }
    let from = x.map { UnsafeRawPointer($0.pointer) }
    let into = y.map { UnsafeMutableRawPointer($0.pointer) }
    from.withUnsafeBufferPointer { from in
      into.withUnsafeBufferPointer { into in
        body(from, into)
      }
    }
    withExtendedLifetime(x) {}
    var results: [String: GraphArray] = [:]
    for (port, memory) in zip(outputs, y) {
      results[port.name] = GraphArray.filled(port.type) {
        $0.copyMemory(from: memory.pointer, byteCount: port.type.byteCount)
      }
    }
    return results
  }

  /// The same on the caller's memory. Allocates nothing. Not checked: anything.
  ///
  /// - Parameters:
  ///   - inputs: an address for each of ``inputs``, in that order, with as many elements as its type says.
  ///   - outputs: likewise for ``outputs``; no memory may be shared with an input or another output.
  public func run(
    inputs: UnsafeBufferPointer<UnsafeRawPointer>,
    outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>
  ) {
    memory.withAddresses(inputs, outputs) { values, arena in
      ThreadPool.shared.whileAwake(limit: threads) {
        for step in steps { run(step, values, arena) }
      }
    }
  }

  @inline(__always)
  func run(
    _ step: GraphStep, _ values: UnsafePointer<UnsafeMutableRawPointer?>,
    _ arena: UnsafeMutableRawPointer
  ) {
    step.body.run(
      StepCall(
        values: values, places: memory.places + step.firstPlace, inputCount: step.inputCount,
        workspace: arena + step.workspace))
  }
}

/// The addresses of a plan's values, and the arena that most of them lie in.
// Sound to share: nothing changes after the initialiser; a run writes to an arena that it has borrowed.
final class RunMemory: @unchecked Sendable {
  /// Numbers of the operands of all steps, one step after the other.
  let places: UnsafePointer<Int>
  private let placeMemory: AlignedBuffer<Int>
  /// Where each value lies.
  private let kinds: [Kind]
  private let constants: [AlignedBuffer<UInt8>]
  /// Outputs that are inputs or constants: from which value, how many bytes.
  private let copies: [(output: Int, value: Int, bytes: Int)]
  private let pool: WorkspacePool
  private let tableBytes: Int

  private enum Kind {
    case none
    case constant(UnsafeMutableRawPointer)
    case input(Int), output(Int), arena(Int)
  }

  init(
    _ graph: PlannedGraph, _ roots: SharedMemory, places: [Int], copies: [Int], arenaBytes: Int,
    offsets: [Int: Int], _ limit: MemoryLimit
  ) throws(GraphError) {
    placeMemory = AlignedBuffer(count: places.count)
    _ = placeMemory.elements.update(fromContentsOf: places)
    self.places = UnsafePointer(placeMemory.pointer)
    let read = Set(places).union(copies)
    var constants: [AlignedBuffer<UInt8>] = []
    var kinds: [Kind] = []
    for value in graph.values.indices {
      if roots.root(of: value) != value {
        kinds.append(.none)
        continue
      }
      switch roots.place(of: value) {
      case .input: kinds.append(.input(graph.inputs.firstIndex(of: value)!))
      case .output(let number): kinds.append(.output(number))
      case .arena: kinds.append(offsets[value].map { .arena($0) } ?? .none)
      case .constant:
        guard read.contains(value), let array = graph.values[value].constant?.array else {
          kinds.append(.none)
          continue
        }
        do throws(GraphProblem) { try limit.take(array.type.byteCount) } catch {
          throw .constant(name: graph.values[value].name, error)
        }
        let memory = AlignedBuffer<UInt8>(count: array.type.byteCount)
        array.withUnsafeBytes { bytes in
          if let start = bytes.baseAddress {
            UnsafeMutableRawPointer(memory.pointer).copyMemory(from: start, byteCount: bytes.count)
          }
        }
        constants.append(memory)
        kinds.append(.constant(memory.pointer))
      }
    }
    (self.kinds, self.constants) = (kinds, constants)
    self.copies = copies.map { value in
      (
        graph.outputs.firstIndex(of: value)!, roots.root(of: value),
        graph.values[value].type.byteCount
      )
    }
    tableBytes = (kinds.count * MemoryLayout<UnsafeMutableRawPointer?>.stride + 63) / 64 * 64
    do throws(OperationError) {
      pool = try WorkspacePool(checked: tableBytes + max(arenaBytes, 1), count: 1)
    } catch { throw .option(error) }
  }

  /// Calls `body` with the address of each value for one run, and the arena's.
  @inline(__always)
  func withAddresses(
    _ inputs: UnsafeBufferPointer<UnsafeRawPointer>,
    _ outputs: UnsafeBufferPointer<UnsafeMutableRawPointer>,
    _ body: (UnsafePointer<UnsafeMutableRawPointer?>, UnsafeMutableRawPointer) -> Void
  ) {
    let workspace = pool.borrow()
    defer { pool.giveBack(workspace) }
    let arena = workspace + tableBytes
    let table = workspace.bindMemory(to: UnsafeMutableRawPointer?.self, capacity: kinds.count)
    for (value, kind) in kinds.enumerated() {
      switch kind {
      case .none: table[value] = nil
      case .constant(let pointer): table[value] = pointer
      case .input(let number): table[value] = UnsafeMutableRawPointer(mutating: inputs[number])
      case .output(let number): table[value] = outputs[number]
      case .arena(let offset): table[value] = arena + offset
      }
    }
    body(UnsafePointer(table), arena)
    for copy in copies {
      outputs[copy.output].copyMemory(from: table[copy.value]!, byteCount: copy.bytes)
    }
  }
}
