// What plans of 8-bit weights cannot compute is refused with its numbers.

import LacunaFormats
import LacunaOperations
import Testing

@Suite struct QuantizedPlanRefusalTests {
  @Test("What cannot be computed is refused with its numbers")
  func refusals() throws {
    func refusal(
      _ scales: [Float], _ range: ActivationRange, _ values: [Int8] = [1, 2]
    ) -> OperationError? {
      do throws(OperationError) {
        let pattern = try! CSRPattern(
          rows: 2, columns: 1, rowOffsets: [0, 1, 2], columnIndices: [0, 0])
        _ = try QuantizedPlan<Float, Float>(
          try! QuantizedCSR(pattern: pattern, values: values, scales: scales), activations: range,
          width: 1)
        return nil
      } catch { return error }
    }
    for scale in [0, -1, -Float.infinity, .infinity, .leastNonzeroMagnitude] as [Float] {
      #expect(
        refusal([1, 1], .fixed(scale: scale, zeroPoint: 0))
          == .quantization(.scale(.activations, value: scale)))
    }
    #expect(refusal([1, 1], .fixed(scale: .nan, zeroPoint: 0)) != nil)
    for scale in [0, -1, .infinity] as [Float] {
      #expect(refusal([1, scale], .perSide) == .quantization(.weightScale(row: 1, value: scale)))
    }
    #expect(refusal([1, .nan], .perSide) != nil)
    // A row of zeros has no scale.
    #expect(refusal([1, 0], .perSide, [1, 0]) == nil)
    for zero in [-1, 256] {
      #expect(
        refusal([1, 1], .fixed(scale: 1, zeroPoint: zero))
          == .quantization(
            .zeroPoint(.activations, value: zero, type: .f32, minimum: 0, maximum: 255)))
    }
    let pattern = try CSRPattern(rows: 1, columns: 1, rowOffsets: [0, 1], columnIndices: [0])
    let one = try QuantizedCSR(pattern: pattern, values: [1], scales: [1])
    #expect(
      throws: OperationError.quantization(
        .zeroPoint(.activations, value: 128, type: .i8, minimum: -128, maximum: 127))
    ) {
      try QuantizedPlan<Int8, Float>(one, activations: .fixed(scale: 1, zeroPoint: 128), width: 1)
    }
    #expect(throws: OperationError.quantization(.measuredBytes(type: .u8))) {
      try QuantizedPlan<UInt8, Float>(one, activations: .perTensor, width: 1)
    }
    #expect(throws: OperationError.quantization(.updatable)) {
      try QuantizedPlan<UInt8, Float>(
        one, activations: .fixed(scale: 1, zeroPoint: 0), width: 1,
        options: PlanOptions(updatable: true))
    }
    for scale in [0, -1, .infinity] as [Float] {
      #expect(throws: OperationError.quantization(.scale(.output, value: scale))) {
        try QuantizedPlan<Float, UInt8>(
          one, activations: .perSide, output: OutputScale(scale: scale, zeroPoint: 0), width: 1)
      }
    }
    for zero in [-129, 128] {
      #expect(
        throws: OperationError.quantization(
          .zeroPoint(.output, value: zero, type: .i8, minimum: -128, maximum: 127))
      ) {
        try QuantizedPlan<Float, Int8>(
          one, activations: .perSide, output: OutputScale(scale: 1, zeroPoint: zero), width: 1)
      }
    }
    let plan = try QuantizedPlan<UInt8, Float>(
      one, activations: .fixed(scale: 1, zeroPoint: 0), width: 1)
    var y: [Float] = [0, 0]
    for (x, count, width, name, expected) in [
      ([1], 2, 1, "results", 1), ([1, 2], 1, 1, "activations", 1), ([], 0, -1, "activations", -1),
      ([1], 1, .max, "activations", .max),
    ] as [([UInt8], Int, Int, String, Int)] {
      y = [Float](repeating: 0, count: count)
      let actual = name == "results" ? count : x.count
      #expect(
        throws: OperationError.format(
          .wrongCount(name: name, expected: expected, actual: actual))
      ) { try plan.run(x, into: &y, width: width) }
    }
  }

  /// The longest row of the largest weights whose sums fit, and one weight more.
  @Test(arguments: [66311, 66312])
  func sumsThatCouldLeave32Bits(columns: Int) throws {
    let pattern = try CSRPattern(
      rows: 1, columns: columns, rowOffsets: [0, columns],
      columnIndices: (0..<columns).map { $0 })
    let weights = try QuantizedCSR(
      pattern: pattern, values: [Int8](repeating: -127, count: columns), scales: [1])
    let magnitude = 127 * columns
    if magnitude > Int(Int32.max) / 255 {
      #expect(
        throws: OperationError.quantization(
          .sumOverflow(row: 0, magnitude: magnitude, mostMagnitude: Int(Int32.max) / 255))
      ) {
        try QuantizedPlan<UInt8, Float>(
          weights, activations: .fixed(scale: 1, zeroPoint: 0), width: 1)
      }
    } else {
      let plan = try QuantizedPlan<UInt8, Float>(
        weights, activations: .fixed(scale: 1, zeroPoint: 0), width: 1)
      var y: [Float] = [0]
      try plan.run([UInt8](repeating: 255, count: columns), into: &y)
      #expect(y == [Float(-255 * magnitude)])
    }
  }
}
