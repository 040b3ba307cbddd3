// lcn_tensor_read, lcn_tensor_write: single tensors of .lacuna files.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import CLacuna
import LacunaFormats
import LacunaIO

#if canImport(Darwin)
  import Darwin
#else
  import Glibc
#endif

@c @implementation
public func lcn_tensor_read(
  _ path: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?,
  _ result: UnsafeMutablePointer<OpaquePointer?>?
) -> lcn_status {
  call { () throws(Failure) in
    let out = try LacunaABI.result(result)
    let (path, name) = try (file(path), text(name, "name"))
    let tensor = try Failure.file { () throws(FileError) in
      try LacunaReader(contentsOf: path).tensor(named: name)
    }
    if tensor.shape.count < 2 {
      throw Failure(.unsupported, "\(name) is \(tensor.shape): it has no rows and columns")
    }
    try deliver(MatrixObject(try tensor.matrix()), .matrix, to: out)
  }
}

@c @implementation
public func lcn_tensor_write(
  _ path: UnsafePointer<CChar>?, _ name: UnsafePointer<CChar>?, _ matrix: OpaquePointer?
) -> lcn_status {
  call { () throws(Failure) in
    let (path, name) = try (file(path), text(name, "name"))
    try HandleTable.use(matrix, .matrix, as: MatrixObject.self) { (object) throws(Failure) in
      let value = object.tensor
      var old = LacunaFile()
      do throws(FileError) { old = try LacunaFile(contentsOf: path) } catch {
        // A file that is not there yet is made.
        guard case .unreadable(_, ENOENT) = error else { throw Failure(error) }
      }
      let place = old.tensors.firstIndex { $0.name.utf8.elementsEqual(name.utf8) }
      var shape = [value.rows, value.columns]
      if let place {
        // A convolution keeps its dimensions.
        let before = old.tensors[place].tensor.shape
        if before.first == shape[0] && before.dropFirst().reduce(1, *) == shape[1] {
          shape = before
        }
      }
      let dimensions = shape
      let weights = try Failure.format { () throws(FormatError) in try value.shaped(dimensions) }
      let tensor = NamedTensor(name: name, tensor: .weights(weights))
      if tensor.tensor.kind == nil {
        throw Failure(
          .unsupported,
          "a .lacuna file holds f32 matrices, and sparse ones of bf16 and f16, not this one of "
            + "\(value.type)")
      }
      if let place { old.tensors[place] = tensor } else { old.tensors.append(tensor) }
      try Failure.file { () throws(FileError) in try old.write(to: path) }
    }
  }
}

/// A path from C.
func file(_ path: UnsafePointer<CChar>?) throws(Failure) -> String {
  try text(path, "path")
}

private func text(
  _ text: UnsafePointer<CChar>?, _ what: StaticString
) throws(Failure) -> String {
  guard let text else { throw Failure(.nullPointer, "\(what) is NULL") }
  return try LacunaABI.text(text, limit: 4096, what)
}
