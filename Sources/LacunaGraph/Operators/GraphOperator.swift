// What every operator of a graph answers: how many operands, of which types the results are, and what computes them.

import LacunaOperations

/// What a node computes.
///
/// Made by the members of this type: `.relu`, `.matMul`, `.convolution(strides: [2, 2])`.
public struct GraphOperator: Sendable {
  /// What errors call it.
  public let name: String
  let rule: any OperatorRule

  init(_ name: String, _ rule: any OperatorRule) { (self.name, self.rule) = (name, rule) }
}

/// An operand as far as it is known when a plan is made.
struct Operand: Sendable {
  var type: GraphType
  /// The elements of a constant.
  var constant: GraphConstant?

  var shape: [Int] { type.shape }
  var rank: Int { type.rank }

  /// The integers of a constant vector or number; nil unless they are known.
  var integers: [Int]? { constant?.array.integers }
  /// The numbers of a constant; nil unless they are known.
  var floats: [Float]? { constant?.array.floats }
}

/// All that a rule looks at; operands that are left out are nil.
typealias Operands = [Operand?]

extension [Operand?] {
  /// Operand `index`, which has to be there.
  func required(_ index: Int, _ what: String) throws(GraphProblem) -> Operand {
    guard index < count, let operand = self[index] else {
      throw .count(what: what, expected: 1, actual: 0)
    }
    return operand
  }

  /// Operand `index` if it is there.
  func optional(_ index: Int) -> Operand? { index < count ? self[index] : nil }

  /// Operand `index`, which has to be there and hold numbers.
  func numbers(_ index: Int, _ what: String) throws(GraphProblem) -> Operand {
    let operand = try required(index, what)
    if operand.type.element != .f32 { throw .element(what: what, found: operand.type.element) }
    return operand
  }

  /// The integers of operand `index`, which has to be known; nil when it is left out.
  func integers(_ index: Int, _ what: String) throws(GraphProblem) -> [Int]? {
    guard let operand = optional(index) else { return nil }
    if operand.type.element != .i64 { throw .element(what: what, found: operand.type.element) }
    guard let integers = operand.integers else { throw .notConstant(what: what) }
    return integers
  }

  /// A list that older files have as a setting and newer ones as operand `index`, which has to be known.
  func integers(
    _ index: Int, _ what: String, unless setting: [Int]?
  ) throws(GraphProblem) -> [Int]? {
    if let setting { return setting }
    return try integers(index, what)
  }
}

/// What a body is made for.
struct BodyRequest {
  var inputs: Operands
  var outputs: [GraphType]
  var options: PlanOptions
  /// Whether zeros of weights may be left out.
  var skipsZeros = true

  /// How the work of plain loops is split.
  var split: WorkSplit { WorkSplit(threads: options.threads) }
}

/// The part of an operator that is not its name.
protocol OperatorRule: Sendable {
  /// How many inputs a node may have, left-out ones included.
  var inputs: ClosedRange<Int> { get }
  var outputs: ClosedRange<Int> { get }
  /// Whether a node whose inputs are constants is computed when the plan is made.
  var folds: Bool { get }
  /// Whether the result is the first input with another shape, and can stay where that lies.
  var aliases: Bool { get }
  /// The types of the results.
  func results(_ x: Operands) throws(GraphProblem) -> [GraphType]
  /// A result that is known from types alone, such as a shape.
  func known(_ x: Operands, _ types: [GraphType]) throws(GraphProblem) -> [GraphArray]?
  /// The products behind a node whose weights are known; nil when they are not.
  func weighted(_ x: Operands) throws(GraphProblem) -> WeightedNode?
  /// What computes the results.
  func body(_ request: BodyRequest) throws(GraphProblem) -> any GraphBody
}

extension OperatorRule {
  var outputs: ClosedRange<Int> { 1...1 }
  var folds: Bool { true }
  var aliases: Bool { false }
  func known(_ x: Operands, _ types: [GraphType]) throws(GraphProblem) -> [GraphArray]? { nil }
  func weighted(_ x: Operands) throws(GraphProblem) -> WeightedNode? { nil }
}

/// What computes the results of a node in a plan. Stateless: a plan is run by several threads at once.
protocol GraphBody: Sendable {
  /// What plans call it: the kernel behind it.
  var kernel: String { get }
  /// The input that the first result may be written over.
  var inPlace: Int? { get }
  /// Bytes of scratch memory of a run, 64-byte aligned.
  var workspaceBytes: Int { get }
  /// Multiplications and additions with stored weights, and bytes of these.
  var operations: Int { get }
  var weightBytes: Int { get }
  /// Allocates nothing.
  func run(_ call: StepCall)
}

extension GraphBody {
  var inPlace: Int? { nil }
  var workspaceBytes: Int { 0 }
  var operations: Int { 0 }
  var weightBytes: Int { 0 }
}

/// Where the operands of one step lie in one run.
struct StepCall {
  /// The address of each value of the plan.
  let values: UnsafePointer<UnsafeMutableRawPointer?>
  /// Numbers of the inputs, then of the outputs; −1 for one that is left out.
  let places: UnsafePointer<Int>
  let inputCount: Int
  let workspace: UnsafeMutableRawPointer

  /// Not checked: the input is there.
  @inline(__always)
  func input(_ index: Int) -> UnsafeRawPointer { UnsafeRawPointer(values[places[index]]!) }

  @inline(__always)
  func floats(_ index: Int) -> UnsafePointer<Float> {
    input(index).assumingMemoryBound(to: Float.self)
  }

  /// Not checked: the output is wanted.
  @inline(__always)
  func output(_ index: Int = 0) -> UnsafeMutableRawPointer { values[places[inputCount + index]]! }

  @inline(__always)
  var result: UnsafeMutablePointer<Float> { output().assumingMemoryBound(to: Float.self) }
}
