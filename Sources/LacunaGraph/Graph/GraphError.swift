// What can be wrong with a graph, with a node of it, or with what it is run on.

import LacunaOperations

/// Why a graph was refused. Every case names the place and carries the numbers that disagree.
public enum GraphError: Error, Equatable, Sendable {
  /// Two things make, or are, a value of this name.
  case duplicateName(String)
  /// A node reads a value that nothing makes.
  case missingValue(name: String, node: String)
  /// An output of the graph that nothing makes.
  case missingOutput(String)
  /// Each of these nodes waits for the one after it, and the last for the first.
  case cycle([String])
  /// A node has too few or too many inputs or outputs.
  case arity(node: String, operation: String, what: String, lowest: Int, highest: Int, actual: Int)
  /// The graph has no output.
  case empty
  /// A plan was asked for without the shape of an input whose dimensions are open.
  case openShape(input: String, dimensions: [GraphDimension])
  /// A shape, value or type was given for an input that the graph does not have.
  case unknownInput(String)
  /// What was given for an input does not fit it.
  case inputShape(input: String, expected: [GraphDimension], actual: [Int])
  /// Two inputs give one symbol different sizes.
  case symbol(name: String, first: Int, second: Int)
  /// The array for an input has another type than the plan was made for.
  case inputType(input: String, expected: GraphType, actual: GraphType)
  /// An input that no array was given for.
  case missingInput(String)
  /// A constant is malformed.
  case constant(name: String, GraphProblem)
  /// A node cannot be computed.
  case node(name: String, operation: String, GraphProblem)
  /// The plan needs more memory than there is, or than it may have.
  case memory(needed: Int, available: Int)
  /// An option of the plan is outside its range.
  case option(OperationError)
}

/// What is wrong with one node or array.
public enum GraphProblem: Error, Equatable, Sendable {
  /// A dimension below zero.
  case negativeDimension([Int])
  /// More elements than can be addressed.
  case tooManyElements([Int])
  /// Another number of things than there have to be.
  case count(what: String, expected: Int, actual: Int)
  /// A number outside its range.
  case outOfRange(what: String, value: Int, lowest: Int, highest: Int)
  /// Shapes that do not fit each other.
  case shapes(what: String, [[Int]])
  /// An operand of a type that the operator does not take.
  case element(what: String, found: GraphElement)
  /// An operand that has to be known when the plan is made is not.
  case notConstant(what: String)
  /// A setting that is not supported.
  case unsupported(what: String, found: String)
  /// The product or convolution behind the node was refused.
  case operation(OperationError)
  /// Folding constants needs more memory than there is, or than the plan may have.
  case memory(needed: Int, available: Int)
}

extension GraphError: CustomStringConvertible {
  /// One line: where, and the numbers that disagree.
  public var description: String {
    switch self {
    case .duplicateName(let name): "the value \"\(name)\" is made twice"
    case .missingValue(let name, let node):
      "node \"\(node)\" reads the value \"\(name)\", which nothing makes"
    case .missingOutput(let name): "nothing makes the output \"\(name)\""
    case .cycle(let nodes):
      "nodes wait for each other: " + nodes.map { "\"\($0)\"" }.joined(separator: " → ")
    case .arity(let node, let operation, let what, let lowest, let highest, let actual):
      "node \"\(node)\" (\(operation)) has \(actual) \(what), must have "
        + (lowest == highest
          ? "\(lowest)" : highest == .max ? "at least \(lowest)" : "\(lowest) to \(highest)")
    case .empty: "the graph has no output"
    case .openShape(let input, let dimensions):
      "input \"\(input)\" is \(text(dimensions)): its shape has to be given"
    case .unknownInput(let name): "the graph has no input \"\(name)\""
    case .inputShape(let input, let expected, let actual):
      "input \"\(input)\" is \(shapeText(actual)), must be \(text(expected))"
    case .symbol(let name, let first, let second):
      "the dimension \(name) is \(first) in one input and \(second) in another"
    case .inputType(let input, let expected, let actual):
      "input \"\(input)\" is \(actual), the plan was made for \(expected)"
    case .missingInput(let name): "no array was given for input \"\(name)\""
    case .constant(let name, let problem): "constant \"\(name)\": \(problem)"
    case .node(let name, let operation, let problem):
      "node \"\(name)\" (\(operation)): \(problem)"
    case .memory(let needed, let available):
      "the network needs \(needed) bytes of memory, \(available) are left"
    case .option(let error): "\(error)"
    }
  }

  private func text(_ dimensions: [GraphDimension]) -> String {
    dimensions.isEmpty ? "scalar" : dimensions.map { "\($0)" }.joined(separator: "×")
  }
}

extension GraphProblem: CustomStringConvertible {
  /// One line: what is wrong, and the numbers.
  public var description: String {
    switch self {
    case .negativeDimension(let shape): "\(shape) has a negative dimension"
    case .tooManyElements(let shape): "\(shape) has more elements than can be addressed"
    case .count(let what, let expected, let actual): "\(actual) \(what), expected \(expected)"
    case .outOfRange(let what, let value, let lowest, let highest):
      "\(what) is \(value), must be "
        + (highest == .max ? "at least \(lowest)" : "in \(lowest)...\(highest)")
    case .shapes(let what, let shapes):
      "\(what): " + shapes.map(shapeText).joined(separator: " and ")
    case .element(let what, let found): "\(what) is of type \(found.rawValue)"
    case .notConstant(let what): "\(what) has to be known when the plan is made"
    case .unsupported(let what, let found): "\(what) \(found) is not supported"
    case .operation(let error): "\(error)"
    case .memory(let needed, let available):
      "the result needs \(needed) bytes of memory, \(available) are left"
    }
  }
}
