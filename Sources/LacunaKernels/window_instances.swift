// The instances of the window kernels: each number of columns has its own unrolled body.
//
// Functions of their own rather than cases of one: a caller that grows too large stops inlining, and a
// body whose number of columns is not a constant keeps its sums in memory, ten times slower.
// Made by Scripts/instances: do not edit.

import CSIMD

#if LACUNA_V4
  @inline(never) private func window16x32F32Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 1)
  }
  @inline(never) private func window16x32F32Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 2)
  }
  @inline(never) private func window16x32F32Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 3)
  }
  @inline(never) private func window16x32F32Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 4)
  }
  @inline(never) private func window16x32F32Columns5(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 5)
  }
  @inline(never) private func window16x32F32Columns6(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 6)
  }
  @inline(never) private func window16x32F32Columns7(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 7)
  }
  @inline(never) private func window16x32F32Columns8(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16.self, columns: 8)
  }
  /// 16 lanes, places in 32 inputs.
  func window16x32F32(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x32F32Columns1(a)
    case 2: window16x32F32Columns2(a)
    case 3: window16x32F32Columns3(a)
    case 4: window16x32F32Columns4(a)
    case 5: window16x32F32Columns5(a)
    case 6: window16x32F32Columns6(a)
    case 7: window16x32F32Columns7(a)
    default: window16x32F32Columns8(a)
    }
  }

  @inline(never) private func window16x32BF16Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 1)
  }
  @inline(never) private func window16x32BF16Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 2)
  }
  @inline(never) private func window16x32BF16Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 3)
  }
  @inline(never) private func window16x32BF16Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 4)
  }
  @inline(never) private func window16x32BF16Columns5(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 5)
  }
  @inline(never) private func window16x32BF16Columns6(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 6)
  }
  @inline(never) private func window16x32BF16Columns7(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 7)
  }
  @inline(never) private func window16x32BF16Columns8(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 8)
  }
  /// 16 lanes, places in 32 inputs.
  func window16x32BF16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x32BF16Columns1(a)
    case 2: window16x32BF16Columns2(a)
    case 3: window16x32BF16Columns3(a)
    case 4: window16x32BF16Columns4(a)
    case 5: window16x32BF16Columns5(a)
    case 6: window16x32BF16Columns6(a)
    case 7: window16x32BF16Columns7(a)
    default: window16x32BF16Columns8(a)
    }
  }

  @inline(never) private func window16x32F16Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 1)
  }
  @inline(never) private func window16x32F16Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 2)
  }
  @inline(never) private func window16x32F16Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 3)
  }
  @inline(never) private func window16x32F16Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 4)
  }
  @inline(never) private func window16x32F16Columns5(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 5)
  }
  @inline(never) private func window16x32F16Columns6(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 6)
  }
  @inline(never) private func window16x32F16Columns7(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 7)
  }
  @inline(never) private func window16x32F16Columns8(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 8)
  }
  /// 16 lanes, places in 32 inputs.
  func window16x32F16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x32F16Columns1(a)
    case 2: window16x32F16Columns2(a)
    case 3: window16x32F16Columns3(a)
    case 4: window16x32F16Columns4(a)
    case 5: window16x32F16Columns5(a)
    case 6: window16x32F16Columns6(a)
    case 7: window16x32F16Columns7(a)
    default: window16x32F16Columns8(a)
    }
  }

  @inline(never) private func window16x16F32Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16Narrow.self, columns: 1)
  }
  @inline(never) private func window16x16F32Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16Narrow.self, columns: 2)
  }
  @inline(never) private func window16x16F32Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16Narrow.self, columns: 3)
  }
  @inline(never) private func window16x16F32Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16Narrow.self, columns: 4)
  }
  @inline(never) private func window16x16F32Columns5(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16Narrow.self, columns: 5)
  }
  @inline(never) private func window16x16F32Columns6(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x16Narrow.self, columns: 6)
  }
  /// 16 lanes, places in 16 inputs.
  func window16x16F32(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x16F32Columns1(a)
    case 2: window16x16F32Columns2(a)
    case 3: window16x16F32Columns3(a)
    case 4: window16x16F32Columns4(a)
    case 5: window16x16F32Columns5(a)
    default: window16x16F32Columns6(a)
    }
  }

  @inline(never) private func window16x16BF16Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16Narrow.self, columns: 1)
  }
  @inline(never) private func window16x16BF16Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16Narrow.self, columns: 2)
  }
  @inline(never) private func window16x16BF16Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16Narrow.self, columns: 3)
  }
  @inline(never) private func window16x16BF16Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16Narrow.self, columns: 4)
  }
  @inline(never) private func window16x16BF16Columns5(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16Narrow.self, columns: 5)
  }
  @inline(never) private func window16x16BF16Columns6(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16Narrow.self, columns: 6)
  }
  /// 16 lanes, places in 16 inputs.
  func window16x16BF16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x16BF16Columns1(a)
    case 2: window16x16BF16Columns2(a)
    case 3: window16x16BF16Columns3(a)
    case 4: window16x16BF16Columns4(a)
    case 5: window16x16BF16Columns5(a)
    default: window16x16BF16Columns6(a)
    }
  }

  @inline(never) private func window16x16F16Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16Narrow.self, columns: 1)
  }
  @inline(never) private func window16x16F16Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16Narrow.self, columns: 2)
  }
  @inline(never) private func window16x16F16Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16Narrow.self, columns: 3)
  }
  @inline(never) private func window16x16F16Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16Narrow.self, columns: 4)
  }
  @inline(never) private func window16x16F16Columns5(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16Narrow.self, columns: 5)
  }
  @inline(never) private func window16x16F16Columns6(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16Narrow.self, columns: 6)
  }
  /// 16 lanes, places in 16 inputs.
  func window16x16F16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x16F16Columns1(a)
    case 2: window16x16F16Columns2(a)
    case 3: window16x16F16Columns3(a)
    case 4: window16x16F16Columns4(a)
    case 5: window16x16F16Columns5(a)
    default: window16x16F16Columns6(a)
    }
  }

  @inline(never) private func window8x16F64Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 1)
  }
  @inline(never) private func window8x16F64Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 2)
  }
  @inline(never) private func window8x16F64Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 3)
  }
  @inline(never) private func window8x16F64Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 4)
  }
  @inline(never) private func window8x16F64Columns5(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 5)
  }
  @inline(never) private func window8x16F64Columns6(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 6)
  }
  @inline(never) private func window8x16F64Columns7(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 7)
  }
  @inline(never) private func window8x16F64Columns8(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF64x8.self, columns: 8)
  }
  /// 8 lanes, places in 16 inputs.
  func window8x16F64(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window8x16F64Columns1(a)
    case 2: window8x16F64Columns2(a)
    case 3: window8x16F64Columns3(a)
    case 4: window8x16F64Columns4(a)
    case 5: window8x16F64Columns5(a)
    case 6: window8x16F64Columns6(a)
    case 7: window8x16F64Columns7(a)
    default: window8x16F64Columns8(a)
    }
  }

  @inline(never) private func window16x32CompressedF32Columns1(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 1)
  }
  @inline(never) private func window16x32CompressedF32Columns2(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 2)
  }
  @inline(never) private func window16x32CompressedF32Columns3(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 3)
  }
  @inline(never) private func window16x32CompressedF32Columns4(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 4)
  }
  @inline(never) private func window16x32CompressedF32Columns5(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 5)
  }
  @inline(never) private func window16x32CompressedF32Columns6(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 6)
  }
  @inline(never) private func window16x32CompressedF32Columns7(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 7)
  }
  @inline(never) private func window16x32CompressedF32Columns8(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, WindowF32x16.self, columns: 8)
  }
  /// 16 lanes, places in 32 inputs, zeros of a step left out of the values.
  func window16x32CompressedF32(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x32CompressedF32Columns1(a)
    case 2: window16x32CompressedF32Columns2(a)
    case 3: window16x32CompressedF32Columns3(a)
    case 4: window16x32CompressedF32Columns4(a)
    case 5: window16x32CompressedF32Columns5(a)
    case 6: window16x32CompressedF32Columns6(a)
    case 7: window16x32CompressedF32Columns7(a)
    default: window16x32CompressedF32Columns8(a)
    }
  }

  @inline(never) private func window16x32CompressedBF16Columns1(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 1)
  }
  @inline(never) private func window16x32CompressedBF16Columns2(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 2)
  }
  @inline(never) private func window16x32CompressedBF16Columns3(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 3)
  }
  @inline(never) private func window16x32CompressedBF16Columns4(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 4)
  }
  @inline(never) private func window16x32CompressedBF16Columns5(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 5)
  }
  @inline(never) private func window16x32CompressedBF16Columns6(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 6)
  }
  @inline(never) private func window16x32CompressedBF16Columns7(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 7)
  }
  @inline(never) private func window16x32CompressedBF16Columns8(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneBF16.self, columns: 8)
  }
  /// 16 lanes, places in 32 inputs, zeros of a step left out of the values.
  func window16x32CompressedBF16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x32CompressedBF16Columns1(a)
    case 2: window16x32CompressedBF16Columns2(a)
    case 3: window16x32CompressedBF16Columns3(a)
    case 4: window16x32CompressedBF16Columns4(a)
    case 5: window16x32CompressedBF16Columns5(a)
    case 6: window16x32CompressedBF16Columns6(a)
    case 7: window16x32CompressedBF16Columns7(a)
    default: window16x32CompressedBF16Columns8(a)
    }
  }

  @inline(never) private func window16x32CompressedF16Columns1(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 1)
  }
  @inline(never) private func window16x32CompressedF16Columns2(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 2)
  }
  @inline(never) private func window16x32CompressedF16Columns3(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 3)
  }
  @inline(never) private func window16x32CompressedF16Columns4(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 4)
  }
  @inline(never) private func window16x32CompressedF16Columns5(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 5)
  }
  @inline(never) private func window16x32CompressedF16Columns6(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 6)
  }
  @inline(never) private func window16x32CompressedF16Columns7(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 7)
  }
  @inline(never) private func window16x32CompressedF16Columns8(_ a: UnsafePointer<lcn_window_args>)
  {
    multiplyCompressed(a, LaneF16.self, columns: 8)
  }
  /// 16 lanes, places in 32 inputs, zeros of a step left out of the values.
  func window16x32CompressedF16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window16x32CompressedF16Columns1(a)
    case 2: window16x32CompressedF16Columns2(a)
    case 3: window16x32CompressedF16Columns3(a)
    case 4: window16x32CompressedF16Columns4(a)
    case 5: window16x32CompressedF16Columns5(a)
    case 6: window16x32CompressedF16Columns6(a)
    case 7: window16x32CompressedF16Columns7(a)
    default: window16x32CompressedF16Columns8(a)
    }
  }
#elseif LACUNA_V3
  @inline(never) private func window8x16F32Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x8.self, columns: 1)
  }
  @inline(never) private func window8x16F32Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x8.self, columns: 2)
  }
  @inline(never) private func window8x16F32Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x8.self, columns: 3)
  }
  @inline(never) private func window8x16F32Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, WindowF32x8.self, columns: 4)
  }
  /// 8 lanes, places in 16 inputs.
  func window8x16F32(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window8x16F32Columns1(a)
    case 2: window8x16F32Columns2(a)
    case 3: window8x16F32Columns3(a)
    default: window8x16F32Columns4(a)
    }
  }

  @inline(never) private func window8x16BF16Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 1)
  }
  @inline(never) private func window8x16BF16Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 2)
  }
  @inline(never) private func window8x16BF16Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 3)
  }
  @inline(never) private func window8x16BF16Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneBF16.self, columns: 4)
  }
  /// 8 lanes, places in 16 inputs.
  func window8x16BF16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window8x16BF16Columns1(a)
    case 2: window8x16BF16Columns2(a)
    case 3: window8x16BF16Columns3(a)
    default: window8x16BF16Columns4(a)
    }
  }

  @inline(never) private func window8x16F16Columns1(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 1)
  }
  @inline(never) private func window8x16F16Columns2(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 2)
  }
  @inline(never) private func window8x16F16Columns3(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 3)
  }
  @inline(never) private func window8x16F16Columns4(_ a: UnsafePointer<lcn_window_args>) {
    multiplyWindows(a, LaneF16.self, columns: 4)
  }
  /// 8 lanes, places in 16 inputs.
  func window8x16F16(_ a: UnsafePointer<lcn_window_args>) {
    switch a.pointee.columns {
    case 1: window8x16F16Columns1(a)
    case 2: window8x16F16Columns2(a)
    case 3: window8x16F16Columns3(a)
    default: window8x16F16Columns4(a)
    }
  }
#endif
