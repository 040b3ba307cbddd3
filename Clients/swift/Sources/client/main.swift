// A product with a sparse matrix, without an unsafe pointer.

import Lacuna

//     1 0 2        W is [out, in]
//     0 3 0
let weights = CSRMatrix<Float>(
  dense: try DenseMatrix(rows: 2, columns: 3, values: [1, 0, 2, 0, 3, 0]))
let plan = try Plan(weights, width: 1)
let y = try plan([1, 10, 100])
precondition(y == [201, 30], "\(y)")
print("Swift: \(plan)")
