// The instances of the strip kernels: strip heights 1, 2 and 4 by panels of 1…8 registers.
//
// R·T accumulators, T loaded registers and one weight have to fit in 32 registers of AVX-512, else 16.
// Made by Scripts/instances: do not edit.

import CSIMD

func strip1x1F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<1, VectorF32>(repeating: .zero))
}
func strip1x2F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<2, VectorF32>(repeating: .zero))
}
func strip1x3F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<3, VectorF32>(repeating: .zero))
}
func strip1x4F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip1x5F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
    InlineArray<5, VectorF32>(repeating: .zero))
}
func strip1x6F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
    InlineArray<6, VectorF32>(repeating: .zero))
}
func strip1x7F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<7, VectorF32>(repeating: .zero),
    InlineArray<7, VectorF32>(repeating: .zero))
}
func strip1x8F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<1, Void>.self, InlineArray<8, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}

/// Strips of 1 rows.
func spmm1x1F32(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip1x1F32(a)
  case 2: strip1x2F32(a)
  case 3: strip1x3F32(a)
  case 4: strip1x4F32(a)
  case 5: strip1x5F32(a)
  case 6: strip1x6F32(a)
  case 7: strip1x7F32(a)
  default: strip1x8F32(a)
  }
}

func strip1x1F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<1, VectorF64>(repeating: .zero),
    InlineArray<1, VectorF64>(repeating: .zero))
}
func strip1x2F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<2, VectorF64>(repeating: .zero),
    InlineArray<2, VectorF64>(repeating: .zero))
}
func strip1x3F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<3, VectorF64>(repeating: .zero),
    InlineArray<3, VectorF64>(repeating: .zero))
}
func strip1x4F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<4, VectorF64>(repeating: .zero),
    InlineArray<4, VectorF64>(repeating: .zero))
}
func strip1x5F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<5, VectorF64>(repeating: .zero),
    InlineArray<5, VectorF64>(repeating: .zero))
}
func strip1x6F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<6, VectorF64>(repeating: .zero),
    InlineArray<6, VectorF64>(repeating: .zero))
}
func strip1x7F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<7, VectorF64>(repeating: .zero),
    InlineArray<7, VectorF64>(repeating: .zero))
}
func strip1x8F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<1, Void>.self, InlineArray<8, VectorF64>(repeating: .zero),
    InlineArray<8, VectorF64>(repeating: .zero))
}

/// Strips of 1 rows.
func spmm1x1F64(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip1x1F64(a)
  case 2: strip1x2F64(a)
  case 3: strip1x3F64(a)
  case 4: strip1x4F64(a)
  case 5: strip1x5F64(a)
  case 6: strip1x6F64(a)
  case 7: strip1x7F64(a)
  default: strip1x8F64(a)
  }
}

func strip1x1BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<1, VectorF32>(repeating: .zero))
}
func strip1x2BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<2, VectorF32>(repeating: .zero))
}
func strip1x3BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<3, VectorF32>(repeating: .zero))
}
func strip1x4BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip1x5BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
    InlineArray<5, VectorF32>(repeating: .zero))
}
func strip1x6BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
    InlineArray<6, VectorF32>(repeating: .zero))
}
func strip1x7BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<7, VectorF32>(repeating: .zero),
    InlineArray<7, VectorF32>(repeating: .zero))
}
func strip1x8BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<1, Void>.self, InlineArray<8, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}

/// Strips of 1 rows.
func spmm1x1BF16(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip1x1BF16(a)
  case 2: strip1x2BF16(a)
  case 3: strip1x3BF16(a)
  case 4: strip1x4BF16(a)
  case 5: strip1x5BF16(a)
  case 6: strip1x6BF16(a)
  case 7: strip1x7BF16(a)
  default: strip1x8BF16(a)
  }
}

func strip1x1F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<1, VectorF32>(repeating: .zero))
}
func strip1x2F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<2, VectorF32>(repeating: .zero))
}
func strip1x3F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<3, VectorF32>(repeating: .zero))
}
func strip1x4F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip1x5F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
    InlineArray<5, VectorF32>(repeating: .zero))
}
func strip1x6F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
    InlineArray<6, VectorF32>(repeating: .zero))
}
func strip1x7F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<7, VectorF32>(repeating: .zero),
    InlineArray<7, VectorF32>(repeating: .zero))
}
func strip1x8F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<1, Void>.self, InlineArray<8, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}

/// Strips of 1 rows.
func spmm1x1F16(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip1x1F16(a)
  case 2: strip1x2F16(a)
  case 3: strip1x3F16(a)
  case 4: strip1x4F16(a)
  case 5: strip1x5F16(a)
  case 6: strip1x6F16(a)
  case 7: strip1x7F16(a)
  default: strip1x8F16(a)
  }
}

func strip2x1F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<2, VectorF32>(repeating: .zero))
}
func strip2x2F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip2x3F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<6, VectorF32>(repeating: .zero))
}
func strip2x4F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}
#if LACUNA_V4
  func strip2x5F32(_ a: Arguments) {
    multiplyRegion(
      a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
      InlineArray<10, VectorF32>(repeating: .zero))
  }
  func strip2x6F32(_ a: Arguments) {
    multiplyRegion(
      a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
      InlineArray<12, VectorF32>(repeating: .zero))
  }
  func strip2x7F32(_ a: Arguments) {
    multiplyRegion(
      a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<7, VectorF32>(repeating: .zero),
      InlineArray<14, VectorF32>(repeating: .zero))
  }
  func strip2x8F32(_ a: Arguments) {
    multiplyRegion(
      a, VectorF32.self, InlineArray<2, Void>.self, InlineArray<8, VectorF32>(repeating: .zero),
      InlineArray<16, VectorF32>(repeating: .zero))
  }
#endif

/// Strips of 2 rows.
func spmm2x1F32(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip2x1F32(a)
  case 2: strip2x2F32(a)
  case 3: strip2x3F32(a)
  #if LACUNA_V4
    case 4: strip2x4F32(a)
    case 5: strip2x5F32(a)
    case 6: strip2x6F32(a)
    case 7: strip2x7F32(a)
    default: strip2x8F32(a)
  #else
    default: strip2x4F32(a)
  #endif
  }
}

func strip2x1F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<1, VectorF64>(repeating: .zero),
    InlineArray<2, VectorF64>(repeating: .zero))
}
func strip2x2F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<2, VectorF64>(repeating: .zero),
    InlineArray<4, VectorF64>(repeating: .zero))
}
func strip2x3F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<3, VectorF64>(repeating: .zero),
    InlineArray<6, VectorF64>(repeating: .zero))
}
func strip2x4F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<4, VectorF64>(repeating: .zero),
    InlineArray<8, VectorF64>(repeating: .zero))
}
#if LACUNA_V4
  func strip2x5F64(_ a: Arguments) {
    multiplyRegion(
      a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<5, VectorF64>(repeating: .zero),
      InlineArray<10, VectorF64>(repeating: .zero))
  }
  func strip2x6F64(_ a: Arguments) {
    multiplyRegion(
      a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<6, VectorF64>(repeating: .zero),
      InlineArray<12, VectorF64>(repeating: .zero))
  }
  func strip2x7F64(_ a: Arguments) {
    multiplyRegion(
      a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<7, VectorF64>(repeating: .zero),
      InlineArray<14, VectorF64>(repeating: .zero))
  }
  func strip2x8F64(_ a: Arguments) {
    multiplyRegion(
      a, VectorF64.self, InlineArray<2, Void>.self, InlineArray<8, VectorF64>(repeating: .zero),
      InlineArray<16, VectorF64>(repeating: .zero))
  }
#endif

/// Strips of 2 rows.
func spmm2x1F64(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip2x1F64(a)
  case 2: strip2x2F64(a)
  case 3: strip2x3F64(a)
  #if LACUNA_V4
    case 4: strip2x4F64(a)
    case 5: strip2x5F64(a)
    case 6: strip2x6F64(a)
    case 7: strip2x7F64(a)
    default: strip2x8F64(a)
  #else
    default: strip2x4F64(a)
  #endif
  }
}

func strip2x1BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<2, VectorF32>(repeating: .zero))
}
func strip2x2BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip2x3BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<6, VectorF32>(repeating: .zero))
}
func strip2x4BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}
#if LACUNA_V4
  func strip2x5BF16(_ a: Arguments) {
    multiplyRegion(
      a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
      InlineArray<10, VectorF32>(repeating: .zero))
  }
  func strip2x6BF16(_ a: Arguments) {
    multiplyRegion(
      a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
      InlineArray<12, VectorF32>(repeating: .zero))
  }
  func strip2x7BF16(_ a: Arguments) {
    multiplyRegion(
      a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<7, VectorF32>(repeating: .zero),
      InlineArray<14, VectorF32>(repeating: .zero))
  }
  func strip2x8BF16(_ a: Arguments) {
    multiplyRegion(
      a, WeightBF16.self, InlineArray<2, Void>.self, InlineArray<8, VectorF32>(repeating: .zero),
      InlineArray<16, VectorF32>(repeating: .zero))
  }
#endif

/// Strips of 2 rows.
func spmm2x1BF16(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip2x1BF16(a)
  case 2: strip2x2BF16(a)
  case 3: strip2x3BF16(a)
  #if LACUNA_V4
    case 4: strip2x4BF16(a)
    case 5: strip2x5BF16(a)
    case 6: strip2x6BF16(a)
    case 7: strip2x7BF16(a)
    default: strip2x8BF16(a)
  #else
    default: strip2x4BF16(a)
  #endif
  }
}

func strip2x1F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<2, VectorF32>(repeating: .zero))
}
func strip2x2F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip2x3F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<6, VectorF32>(repeating: .zero))
}
func strip2x4F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}
#if LACUNA_V4
  func strip2x5F16(_ a: Arguments) {
    multiplyRegion(
      a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
      InlineArray<10, VectorF32>(repeating: .zero))
  }
  func strip2x6F16(_ a: Arguments) {
    multiplyRegion(
      a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
      InlineArray<12, VectorF32>(repeating: .zero))
  }
  func strip2x7F16(_ a: Arguments) {
    multiplyRegion(
      a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<7, VectorF32>(repeating: .zero),
      InlineArray<14, VectorF32>(repeating: .zero))
  }
  func strip2x8F16(_ a: Arguments) {
    multiplyRegion(
      a, WeightF16.self, InlineArray<2, Void>.self, InlineArray<8, VectorF32>(repeating: .zero),
      InlineArray<16, VectorF32>(repeating: .zero))
  }
#endif

/// Strips of 2 rows.
func spmm2x1F16(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip2x1F16(a)
  case 2: strip2x2F16(a)
  case 3: strip2x3F16(a)
  #if LACUNA_V4
    case 4: strip2x4F16(a)
    case 5: strip2x5F16(a)
    case 6: strip2x6F16(a)
    case 7: strip2x7F16(a)
    default: strip2x8F16(a)
  #else
    default: strip2x4F16(a)
  #endif
  }
}

func strip4x1F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<4, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip4x2F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<4, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}
func strip4x3F32(_ a: Arguments) {
  multiplyRegion(
    a, VectorF32.self, InlineArray<4, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<12, VectorF32>(repeating: .zero))
}
#if LACUNA_V4
  func strip4x4F32(_ a: Arguments) {
    multiplyRegion(
      a, VectorF32.self, InlineArray<4, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
      InlineArray<16, VectorF32>(repeating: .zero))
  }
  func strip4x5F32(_ a: Arguments) {
    multiplyRegion(
      a, VectorF32.self, InlineArray<4, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
      InlineArray<20, VectorF32>(repeating: .zero))
  }
  func strip4x6F32(_ a: Arguments) {
    multiplyRegion(
      a, VectorF32.self, InlineArray<4, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
      InlineArray<24, VectorF32>(repeating: .zero))
  }
#endif

/// Strips of 4 rows.
func spmm4x1F32(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip4x1F32(a)
  case 2: strip4x2F32(a)
  #if LACUNA_V4
    case 3: strip4x3F32(a)
    case 4: strip4x4F32(a)
    case 5: strip4x5F32(a)
    default: strip4x6F32(a)
  #else
    default: strip4x3F32(a)
  #endif
  }
}

func strip4x1F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<4, Void>.self, InlineArray<1, VectorF64>(repeating: .zero),
    InlineArray<4, VectorF64>(repeating: .zero))
}
func strip4x2F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<4, Void>.self, InlineArray<2, VectorF64>(repeating: .zero),
    InlineArray<8, VectorF64>(repeating: .zero))
}
func strip4x3F64(_ a: Arguments) {
  multiplyRegion(
    a, VectorF64.self, InlineArray<4, Void>.self, InlineArray<3, VectorF64>(repeating: .zero),
    InlineArray<12, VectorF64>(repeating: .zero))
}
#if LACUNA_V4
  func strip4x4F64(_ a: Arguments) {
    multiplyRegion(
      a, VectorF64.self, InlineArray<4, Void>.self, InlineArray<4, VectorF64>(repeating: .zero),
      InlineArray<16, VectorF64>(repeating: .zero))
  }
  func strip4x5F64(_ a: Arguments) {
    multiplyRegion(
      a, VectorF64.self, InlineArray<4, Void>.self, InlineArray<5, VectorF64>(repeating: .zero),
      InlineArray<20, VectorF64>(repeating: .zero))
  }
  func strip4x6F64(_ a: Arguments) {
    multiplyRegion(
      a, VectorF64.self, InlineArray<4, Void>.self, InlineArray<6, VectorF64>(repeating: .zero),
      InlineArray<24, VectorF64>(repeating: .zero))
  }
#endif

/// Strips of 4 rows.
func spmm4x1F64(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip4x1F64(a)
  case 2: strip4x2F64(a)
  #if LACUNA_V4
    case 3: strip4x3F64(a)
    case 4: strip4x4F64(a)
    case 5: strip4x5F64(a)
    default: strip4x6F64(a)
  #else
    default: strip4x3F64(a)
  #endif
  }
}

func strip4x1BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<4, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip4x2BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<4, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}
func strip4x3BF16(_ a: Arguments) {
  multiplyRegion(
    a, WeightBF16.self, InlineArray<4, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<12, VectorF32>(repeating: .zero))
}
#if LACUNA_V4
  func strip4x4BF16(_ a: Arguments) {
    multiplyRegion(
      a, WeightBF16.self, InlineArray<4, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
      InlineArray<16, VectorF32>(repeating: .zero))
  }
  func strip4x5BF16(_ a: Arguments) {
    multiplyRegion(
      a, WeightBF16.self, InlineArray<4, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
      InlineArray<20, VectorF32>(repeating: .zero))
  }
  func strip4x6BF16(_ a: Arguments) {
    multiplyRegion(
      a, WeightBF16.self, InlineArray<4, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
      InlineArray<24, VectorF32>(repeating: .zero))
  }
#endif

/// Strips of 4 rows.
func spmm4x1BF16(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip4x1BF16(a)
  case 2: strip4x2BF16(a)
  #if LACUNA_V4
    case 3: strip4x3BF16(a)
    case 4: strip4x4BF16(a)
    case 5: strip4x5BF16(a)
    default: strip4x6BF16(a)
  #else
    default: strip4x3BF16(a)
  #endif
  }
}

func strip4x1F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<4, Void>.self, InlineArray<1, VectorF32>(repeating: .zero),
    InlineArray<4, VectorF32>(repeating: .zero))
}
func strip4x2F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<4, Void>.self, InlineArray<2, VectorF32>(repeating: .zero),
    InlineArray<8, VectorF32>(repeating: .zero))
}
func strip4x3F16(_ a: Arguments) {
  multiplyRegion(
    a, WeightF16.self, InlineArray<4, Void>.self, InlineArray<3, VectorF32>(repeating: .zero),
    InlineArray<12, VectorF32>(repeating: .zero))
}
#if LACUNA_V4
  func strip4x4F16(_ a: Arguments) {
    multiplyRegion(
      a, WeightF16.self, InlineArray<4, Void>.self, InlineArray<4, VectorF32>(repeating: .zero),
      InlineArray<16, VectorF32>(repeating: .zero))
  }
  func strip4x5F16(_ a: Arguments) {
    multiplyRegion(
      a, WeightF16.self, InlineArray<4, Void>.self, InlineArray<5, VectorF32>(repeating: .zero),
      InlineArray<20, VectorF32>(repeating: .zero))
  }
  func strip4x6F16(_ a: Arguments) {
    multiplyRegion(
      a, WeightF16.self, InlineArray<4, Void>.self, InlineArray<6, VectorF32>(repeating: .zero),
      InlineArray<24, VectorF32>(repeating: .zero))
  }
#endif

/// Strips of 4 rows.
func spmm4x1F16(_ a: UnsafePointer<lcn_spmm_args>) {
  switch a.pointee.vectors {
  case 1: strip4x1F16(a)
  case 2: strip4x2F16(a)
  #if LACUNA_V4
    case 3: strip4x3F16(a)
    case 4: strip4x4F16(a)
    case 5: strip4x5F16(a)
    default: strip4x6F16(a)
  #else
    default: strip4x3F16(a)
  #endif
  }
}

/// Most registers per panel row that the kernels for strips of `rows` rows have an instance for; 0
/// when this copy has no such kernel.
func mostVectors(strip rows: Int) -> Int {
  switch rows {
  case 1: 8
  #if LACUNA_V4
    case 2: 8
    case 4: 6
  #else
    case 2: 4
    case 4: 3
  #endif
  default: 0
  }
}
