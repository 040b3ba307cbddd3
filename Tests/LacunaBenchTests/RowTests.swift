// A row has the fields that are promised, and their values fit together.

import Foundation
import Lacuna
import Testing

struct RowTests {
  static let fields: Set<String> = [
    "op", "m", "k", "n", "sparsity", "nnz", "block", "dtype", "threads", "layout", "cache", "isa",
    "kernel", "seconds", "secondsMin", "runs", "denseSeconds", "denseSecondsMin", "denseCall",
    "denseCore", "speedup", "gflops", "denseGflops", "peakShare", "maxError", "errorBound",
  ]

  @Test(
    "products of every layout, type, block and width",
    arguments: ["wx", "xwt"], ["37x53x1", "37x53x3", "48x64x65"])
  func products(layout: String, shape: String) throws {
    let run = try BenchRun(
      "spmm --shape \(shape) --sparsity 0.5,0.9 --block 1x1,4x1,3x5 --dtype f32,f64 "
        + "--layout \(layout) --time 0.001 --deterministic --json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.rows()
    #expect(rows.count == 12)
    let numbers = shape.split(separator: "x").map { Int($0)! }
    for row in rows {
      #expect(Set(row.keys) == Self.fields)
      func number(_ name: String) -> Double { (row[name] as? NSNumber)?.doubleValue ?? .nan }
      #expect([number("m"), number("k"), number("n")] == numbers.map(Double.init))
      #expect(row["op"] as? String == (numbers[2] == 1 ? "spmv" : "spmm"))
      #expect(row["layout"] as? String == layout)
      #expect(number("secondsMin") > 0 && number("secondsMin") <= number("seconds"))
      #expect(number("maxError") <= number("errorBound"))
      #expect(abs(number("speedup") * number("seconds") / number("denseSeconds") - 1) < 1e-9)
      let gflops = 2 * number("nnz") * number("n") / number("seconds") / 1e9
      #expect(abs(number("gflops") / gflops - 1) < 1e-9)
      #expect(number("peakShare") > 0 && number("peakShare") <= 1.05)
      if row["block"] as? String == "1x1" {
        let entries = number("m") * number("k")
        #expect(number("nnz") == (entries * (1 - number("sparsity"))).rounded())
      }
    }
  }

  @Test("products of bytes are exact, beside dense f32 and dense 8-bit")
  func bytes() throws {
    for layout in ["wx", "xwt"] {
      let run = try BenchRun(
        "spmm --shape 37x53x30,8x9x1 --sparsity 0.5,0.9 --block 1x1,2x4 --dtype i8 "
          + "--layout \(layout) --time 0.001 --json")
      #expect(run.exitCode == 0, "\(run.errors)")
      let rows = try run.rows()
      #expect(rows.count == 8)
      for row in rows {
        #expect(Set(row.keys) == Self.fields.union(["denseInt8Seconds"]))
        func number(_ name: String) -> Double { (row[name] as? NSNumber)?.doubleValue ?? .nan }
        #expect(row["dtype"] as? String == "i8")
        #expect(number("maxError") == 0 && number("denseInt8Seconds") > 0)
        #expect(abs(number("speedup") * number("seconds") / number("denseSeconds") - 1) < 1e-9)
      }
    }
  }

  @Test(
    "products of 16-bit weights are as exact as f32, and say what dense bf16 took or that there is none"
  )
  func narrow() throws {
    for (op, shapes) in [("spmm", "37x53x30,8x9x1"), ("spmv", "37x53,8x9")] {
      let run = try BenchRun(
        "\(op) --shape \(shapes) --sparsity 0.5 --block 1x1,4x4 --dtype bf16,f16 --time 0.001 --json"
      )
      #expect(run.exitCode == 0, "\(run.errors)")
      let rows = try run.rows()
      #expect(
        rows.map { $0["dtype"] as? String } == [String](repeating: "bf16", count: 4)
          + [String](repeating: "f16", count: 4))
      for row in rows {
        let more = Set(row.keys).subtracting(Self.fields)
        #expect(
          row["dtype"] as? String == "f16"
            ? more.isEmpty : more == ["denseBF16"] || more == ["denseBF16Seconds"])
        func number(_ name: String) -> Double { (row[name] as? NSNumber)?.doubleValue ?? .nan }
        #expect(number("maxError") <= number("errorBound") && number("seconds") > 0)
      }
    }
  }

  @Test("the instruction set is the one asked for, by option or by variable")
  func instructionSet() throws {
    for run in [
      try BenchRun("spmv --shape 20x30 --isa baseline --time 0.001 --json"),
      try BenchRun(
        "spmv --shape 20x30 --time 0.001 --json", environment: ["LACUNA_ISA": "baseline"]),
    ] {
      #expect(try run.rows().map { $0["isa"] as? String } == ["baseline"])
    }
  }

  @Test("selection and conversion")
  func others() throws {
    let select = try BenchRun("select --n 1000,70000 --sparsity 0.9 --time 0.001 --json")
    #expect(select.exitCode == 0, "\(select.errors)")
    let rows = try select.rows()
    #expect(rows.map { $0["n"] as? Int } == [1000, 70000])
    for row in rows {
      #expect(row["op"] as? String == "select")
      // The row of the kernel table that makes the pass.
      #expect(
        KernelTable.selected.listing.contains { $0.isChosen && $0.name == row["kernel"] as? String }
      )
      let n = try #require(row["n"] as? Double)
      let seconds = try #require(row["seconds"] as? Double)
      #expect(abs(try #require(row["nsPerWeight"] as? Double) - seconds * 1e9 / n) < 1e-6)
    }
    let convert = try BenchRun(
      "convert --shape 61x130 --sparsity 0.8 --dtype f32,f64 --time 0.001 --json")
    #expect(convert.exitCode == 0, "\(convert.errors)")
    #expect(Set(try convert.rows().map { $0["op"] as? String }) == ["convert"])
  }

  @Test("convolutions of shapes and of files, with their sums")
  func convolutions() throws {
    let file = try TemporaryFile(
      "# a network\nfirst 1 1x3x9x9x4x3x3x2x1x1 dense\nmiddle 3 1x4x5x5x6x1x1x1x0x1 # pointwise\n")
    let run = try BenchRun(
      "conv --shape 2x4x6x7x8x3x3x1x1x2 --shapes \(file.path) --sparsity 0.5,0.9 --block 1x1,2x1 "
        + "--layout nhwc --dtype f32,f64 --time 0.001 --json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.rows()
    let layers = rows.filter { $0["op"] as? String == "conv" }
    #expect(layers.count == 3 * 8 && rows.count == 4 * 8)
    for row in layers {
      let error = try #require(row["maxError"] as? Double)
      #expect(error <= (try #require(row["errorBound"] as? Double)))
      for name in ["seconds", "denseSeconds", "im2colSeconds"] {
        #expect(try #require(row[name] as? Double) > 0, "\(name)")
      }
      #expect((row["kernel"] as? String)?.isEmpty == false)
    }
    #expect(
      layers.filter { $0["layer"] as? String == "first" }.allSatisfy { $0["nnz"] as? Int == 108 })
    for (i, sum) in rows.enumerated() where sum["op"] as? String == "conv-sum" {
      #expect(sum["layers"] as? Int == 5)
      let parts = rows[(i - 3)..<i].map { row in
        (row["seconds"] as? Double ?? .nan) * Double(row["count"] as? Int ?? 0)
      }
      let seconds = try #require(sum["seconds"] as? Double)
      #expect(abs(seconds - parts.reduce(0, +)) <= 1e-9 * seconds)
    }
  }

  @Test("convolutions of bytes are exact")
  func convolutionsOfBytes() throws {
    for layout in ["nchw", "nhwc"] {
      let run = try BenchRun(
        "conv --shape 2x5x7x6x8x3x3x2x1x1,1x8x9x9x6x3x3x1x1x2 --sparsity 0,0.5 --block 1x1,2x4 "
          + "--layout \(layout) --dtype i8 --time 0.001 --json")
      #expect(run.exitCode == 0, "\(run.errors)")
      let rows = try run.rows()
      #expect(rows.count == 8)
      for row in rows {
        #expect(row["dtype"] as? String == "i8")
        #expect((row["maxError"] as? NSNumber)?.doubleValue == 0)
        #expect((row["errorBound"] as? NSNumber)?.doubleValue == 0)
        for name in ["seconds", "denseSeconds", "im2colSeconds"] {
          #expect(try #require(row[name] as? Double) > 0, "\(name)")
        }
      }
    }
    let refused = try BenchRun("conv --shape 1x4x4x4x4x1x1x1x0x1 --dtype bf16 --time 0.001")
    #expect(refused.exitCode == 64 && refused.errors.contains("f32, f64 or i8"))
  }

  @Test("recurrent layers of every cell and type, with the real-time factor")
  func recurrent() throws {
    let run = try BenchRun(
      "recurrent --shape lstmx40x33x3x2,grux3x8x1x1,gru-afterx50x40x1x1 --sparsity 0.5 "
        + "--block 1x1,4x4 --dtype f32,i8 --rate 100 --time 0.001 --json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.rows()
    #expect(rows.count == 12)
    for row in rows {
      func number(_ name: String) -> Double { (row[name] as? NSNumber)?.doubleValue ?? .nan }
      #expect(row["op"] as? String == "recurrent")
      #expect(number("maxError") <= number("errorBound"))
      #expect(number("seconds") > 0 && number("denseSeconds") > 0 && number("nnz") > 0)
      #expect(abs(number("stepSeconds") * number("steps") / number("seconds") - 1) < 1e-9)
      #expect(abs(number("realTimeFactor") / (number("stepSeconds") * 100) - 1) < 1e-9)
      #expect((row["kernel"] as? String)?.contains(" + ") == true)
    }
    #expect(try BenchRun("recurrent --shape rnnx3x4x1x1").exitCode == 64)
    #expect(try BenchRun("recurrent --dtype f64").exitCode == 64)
  }

  @Test("steps of training, dense and at fixed masks, beside their products")
  func training() throws {
    let run = try BenchRun("training --sparsity 0.8,0.9 --batch 8 --steps 2 --json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.rows()
    #expect(rows.count == 3)
    for (row, sparsity) in zip(rows, [0, 0.8, 0.9]) {
      func number(_ name: String) -> Double { (row[name] as? NSNumber)?.doubleValue ?? .nan }
      #expect(row["op"] as? String == "training" && row["network"] as? String == "tutorial")
      #expect(abs(number("sparsity") - sparsity) < 1e-3)
      #expect(abs(number("speedup") * number("seconds") / number("denseSeconds") - 1) < 1e-9)
      #expect(abs(number("overProducts") * number("productSeconds") / number("seconds") - 1) < 1e-9)
    }
    #expect(try BenchRun("training --batch 0").exitCode == 64)
    #expect(try BenchRun("training --sparsity 1").exitCode == 64)
  }

  @Test(
    "the layers of the shape files are those of the networks",
    arguments: [
      ("resnet50", 53, 4.087), ("resnet18", 20, 1.814), ("mobilenetv2", 52, 0.299),
      ("vgg16", 13, 15.347),
    ])
  func networks(name: String, layers: Int, billions: Double) throws {
    let file = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appending(path: "Benchmarks/shapes/conv-\(name).txt").path
    var (count, work) = (0, 0)
    for line in try String(contentsOfFile: file, encoding: .utf8).split(separator: "\n") {
      let words = line.prefix { $0 != "#" }.split(separator: " ")
      if words.isEmpty { continue }
      let times = try #require(Int(words[1]))
      let n = words[2].split(separator: "x").map { Int($0)! }
      let shape = try ConvolutionShape(
        channels: n[1], image: (n[2], n[3]), filters: n[4], kernel: (n[5], n[6]),
        stride: (n[7], n[7]), padding: (n[8], n[8], n[8], n[8]), groups: n[9])
      count += times
      work += times * n[0] * shape.filters * shape.patch * shape.pixels
    }
    #expect(count == layers)
    // Multiply-adds of one image of 224×224, without the last, fully connected layers.
    #expect(abs(Double(work) / 1e9 - billions) < 0.001)
  }

  @Test("one-shot pruning, its calls alone where it is made of them")
  func oneShot() throws {
    let run = try BenchRun(
      "oneshot --shape 40x70,64x48 --samples 90 --method magnitude,wanda,sparsegpt,alps "
        + "--time 0.001 --json")
    #expect(run.exitCode == 0, "\(run.errors)")
    let rows = try run.rows()
    #expect(rows.count == 8)
    for row in rows {
      #expect(row["op"] as? String == "oneshot" && row["samples"] as? Int == 90)
      #expect(try #require(row["seconds"] as? Double) > 0)
      let isSparseGPT = row["method"] as? String == "sparsegpt"
      #expect((row["callSeconds"] as? Double != nil) == isSparseGPT)
    }
    #expect(try BenchRun("oneshot --shape 0x70").exitCode == 64)
    #expect(try BenchRun("oneshot --method best").exitCode == 64)
  }

  @Test("a matrix from a file, with the file's own blocks or others")
  func matrixFile() throws {
    let market = try TemporaryFile(
      """
      %%MatrixMarket matrix coordinate real general
      3 5 4
      1 1 2.5
      3 2 -1
      3 5 4
      2 4 0.5

      """, suffix: ".mtx")
    let pattern = try TemporaryFile("3, 5, 4\n0 1 2 4\n0 3 1 4\n", suffix: ".smtx")
    for file in [market, pattern] {
      let run = try BenchRun(
        "spmm --matrix \(file.path) --n 1,7 --block 1x1,2x2 --time 0.001 --json")
      #expect(run.exitCode == 0, "\(run.errors)")
      let rows = try run.rows()
      #expect(rows.map { $0["nnz"] as? Int } == [4, 4, 4, 4])
      #expect(rows.map { $0["m"] as? Int } == [3, 3, 3, 3])
      #expect(rows.map { $0["n"] as? Int } == [1, 1, 7, 7])
    }
  }

  @Test("the suite measures its shape files and writes what it printed")
  func suite() throws {
    let folder = NSTemporaryDirectory() + "lacuna-bench-shapes-\(UUID().uuidString)"
    try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(atPath: folder) }
    try Data("# two layers\na 20 30 1 # one\n\nb 33 17 1\n".utf8)
      .write(to: URL(filePath: folder + "/vector.txt"))
    let options =
      "suite --parts vector --block 1x1,2x1 --sparsity 0.5,0.9 --time 0.001 --quiet "
      + "--shapes-folder \(folder) --output \(folder)/rows"
    let run = try BenchRun(options + " --json")
    #expect(run.exitCode == 0, "\(run.errors)")
    #expect(try run.rows().count == 8)
    #expect(try String(contentsOfFile: folder + "/rows", encoding: .utf8) == run.output)
    let table = try BenchRun(options)
    #expect(table.output.contains("geometric mean"))
    #expect(table.output.contains("slowest of 8"))
  }
}
