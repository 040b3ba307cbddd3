// The inputs that a search starts from, as files.

import Foundation
import FuzzTargets

/// Writes the seeds of a target, made of the files in folders of `golden`, numbered, into `folder`.
func writeSeeds(of target: String, golden: String, to folder: String) throws {
  let files = try ["io", "onnx", "tflite", "networks"].flatMap { part in
    let folder = "\(golden)/\(part)"
    return try FileManager.default.contentsOfDirectory(atPath: folder).sorted().map { name in
      (name: name, bytes: Array(try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))))
    }
  }
  for (number, seed) in try fuzzSeeds(of: target, files: files).enumerated() {
    try Data(seed).write(to: URL(filePath: "\(folder)/seed-\(number)"))
  }
}

/// Prints lines and leaves the program, before libFuzzer starts.
func end(listing lines: [String]) -> Never {
  for line in lines { print(line) }
  exit(0)
}
