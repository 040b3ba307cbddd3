// Schedules against the reference toolkit, at every step.

import LacunaPruning
import Testing

@Suite struct GoldenScheduleTests {
  @Test func everyStepOfEverySchedulesIsBitEqual() throws {
    let golden = try Golden.load("schedules.json")
    var steps = 0
    for item in golden["schedules"].array {
      let schedule = try referenceSchedule(item["kind"].string!, item["args"])
      for row in item["rows"].array {
        let step = row[0].int!
        #expect(
          Float(schedule.sparsity(at: step)).bitPattern == row[2].float32!.bitPattern,
          "\(item["kind"].string!) \(item["args"].value) at \(step)")
        #expect(schedule.isUpdate(at: step) == (row[1].int! == 1), "step \(step)")
        steps += 1
      }
    }
    #expect(steps == 1210)
    #expect(golden["validation"].array.count == 9)
    for item in golden["validation"].array {
      let made = try? referenceSchedule(item["kind"].string!, item["args"])
      #expect((made != nil) == item["ok"].bool!, "\(item["args"].value)")
    }
  }

  @Test func schedulesOfTheCollectionAgree() throws {
    let cases = try Golden.load("cases.json")["schedule_value"]["cases"].array
    #expect(cases.count == 90)
    for item in cases {
      let schedule = try referenceSchedule(item["schedule"].string!, item["args"])
      let step = item["step"].int!
      let expected = item["expect"]["sparsity"].double!
      #expect(
        schedule.isUpdate(at: step) == item["expect"]["should_prune"].bool!, "\(item["id"].value)")
      if expected.isNaN {
        // A window of one step divides by zero there; here it is at its end.
        #expect(schedule.sparsity(at: step) == Double(Float(0.8)))
      } else {
        #expect(
          abs(schedule.sparsity(at: step) - expected) <= item["abs_tol"].double!,
          "\(item["id"].value)")
      }
    }
  }

  @Test func argumentsAreRefusedWhereTheReferenceRefusesThem() throws {
    let cases = try Golden.load("cases.json")["schedule_validation"]["cases"].array
    #expect(cases.count == 61)
    for item in cases {
      var refused: PruningError?
      do { _ = try referenceSchedule(item["schedule"].string!, item["args"]) } catch {
        refused = error as? PruningError
      }
      #expect((refused != nil) == (item["expect"].string == "error"), "\(item["args"].value)")
      if let refused {
        // The line names the parameter that the reference names, and its value.
        let message = item["message"].string!
        guard case .invalidParameter(let name, let value, let allowed) = refused else {
          Issue.record("\(refused)")
          continue
        }
        #expect(message.contains(name), "\(refused) for \(message)")
        #expect(!value.isEmpty && !allowed.isEmpty)
      }
    }
  }

  @Test func keptCountsAgree() throws {
    let cases = try Golden.load("cases.json")["keep_count_k"]["cases"].array
    #expect(cases.count == 27)
    for item in cases {
      #expect(
        keptCount(of: item["N"].int!, sparsity: item["sparsity"].double!)
          == item["expect_k"].int!, "\(item.value)")
    }
    let models = try Golden.load("cases.json")["model_nnz_mnist"]["cases"].array
    #expect(models.map { $0["kernels"].keys.count } == [4, 2])
    for model in models {
      var kept = 0
      for kernel in model["kernels"].keys {
        let counts = model["kernels"][kernel].ints
        kept += keptCount(of: counts[0], sparsity: model["sparsity"].double!)
        #expect(keptCount(of: counts[0], sparsity: model["sparsity"].double!) == counts[1])
      }
      #expect(kept == model["total_kept"].int!)
    }
  }

  @Test func beginEqualToEndIsDefined() throws {
    let item = try Golden.load("cases.json")["quirks"]["cases"][0]
    #expect(item["id"].string == "poly_begin_eq_end_at_step")
    let schedule = try PolynomialDecay(initial: 0.2, final: 0.8, begin: 5, end: 5, frequency: 1)
    // (0.2 − 0.8)·1 + 0.8 in float32.
    #expect(Float(schedule.sparsity(at: 4)) == 0.19999999)
    #expect(schedule.sparsity(at: 5) == Double(Float(0.8)))
    #expect((1...10).filter(schedule.isUpdate) == [5])
  }
}
