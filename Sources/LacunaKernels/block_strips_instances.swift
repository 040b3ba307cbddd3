// The instances of the block kernels: C block columns by 1…6 columns of X.
// Made by Scripts/instances: do not edit.

import CSIMD

#if LACUNA_V4 || LACUNA_V3
  @inline(never) private func blocks1F32Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F32Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F32Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F32Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F32Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F32Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  private func blocks1F32(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks1F32Columns1(a)
    case 2: blocks1F32Columns2(a)
    case 3: blocks1F32Columns3(a)
    case 4: blocks1F32Columns4(a)
    case 5: blocks1F32Columns5(a)
    default: blocks1F32Columns6(a)
    }
  }

  @inline(never) private func blocks2F32Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F32Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F32Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F32Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F32Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F32Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  private func blocks2F32(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks2F32Columns1(a)
    case 2: blocks2F32Columns2(a)
    case 3: blocks2F32Columns3(a)
    case 4: blocks2F32Columns4(a)
    case 5: blocks2F32Columns5(a)
    default: blocks2F32Columns6(a)
    }
  }

  @inline(never) private func blocks4F32Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F32Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F32Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F32Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F32Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F32Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  private func blocks4F32(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks4F32Columns1(a)
    case 2: blocks4F32Columns2(a)
    case 3: blocks4F32Columns3(a)
    case 4: blocks4F32Columns4(a)
    case 5: blocks4F32Columns5(a)
    default: blocks4F32Columns6(a)
    }
  }

  @inline(never) private func blocks8F32Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F32Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F32Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F32Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F32Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F32Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF32.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  private func blocks8F32(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks8F32Columns1(a)
    case 2: blocks8F32Columns2(a)
    case 3: blocks8F32Columns3(a)
    case 4: blocks8F32Columns4(a)
    case 5: blocks8F32Columns5(a)
    default: blocks8F32Columns6(a)
    }
  }

  @inline(never) private func blocks16F32Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF32.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F32Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF32.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F32Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF32.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F32Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF32.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F32Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF32.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F32Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF32.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  private func blocks16F32(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks16F32Columns1(a)
    case 2: blocks16F32Columns2(a)
    case 3: blocks16F32Columns3(a)
    case 4: blocks16F32Columns4(a)
    case 5: blocks16F32Columns5(a)
    default: blocks16F32Columns6(a)
    }
  }

  /// Strips of blocks, by their columns.
  func blocksF32(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.blockColumns {
    case 1: blocks1F32(a)
    case 2: blocks2F32(a)
    case 4: blocks4F32(a)
    case 8: blocks8F32(a)
    default: blocks16F32(a)
    }
  }

  @inline(never) private func blocks1BF16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1BF16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1BF16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1BF16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1BF16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1BF16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  private func blocks1BF16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks1BF16Columns1(a)
    case 2: blocks1BF16Columns2(a)
    case 3: blocks1BF16Columns3(a)
    case 4: blocks1BF16Columns4(a)
    case 5: blocks1BF16Columns5(a)
    default: blocks1BF16Columns6(a)
    }
  }

  @inline(never) private func blocks2BF16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2BF16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2BF16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2BF16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2BF16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2BF16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  private func blocks2BF16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks2BF16Columns1(a)
    case 2: blocks2BF16Columns2(a)
    case 3: blocks2BF16Columns3(a)
    case 4: blocks2BF16Columns4(a)
    case 5: blocks2BF16Columns5(a)
    default: blocks2BF16Columns6(a)
    }
  }

  @inline(never) private func blocks4BF16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4BF16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4BF16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4BF16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4BF16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4BF16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  private func blocks4BF16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks4BF16Columns1(a)
    case 2: blocks4BF16Columns2(a)
    case 3: blocks4BF16Columns3(a)
    case 4: blocks4BF16Columns4(a)
    case 5: blocks4BF16Columns5(a)
    default: blocks4BF16Columns6(a)
    }
  }

  @inline(never) private func blocks8BF16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8BF16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8BF16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8BF16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8BF16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8BF16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  private func blocks8BF16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks8BF16Columns1(a)
    case 2: blocks8BF16Columns2(a)
    case 3: blocks8BF16Columns3(a)
    case 4: blocks8BF16Columns4(a)
    case 5: blocks8BF16Columns5(a)
    default: blocks8BF16Columns6(a)
    }
  }

  @inline(never) private func blocks16BF16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16BF16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16BF16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16BF16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16BF16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16BF16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockBF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  private func blocks16BF16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks16BF16Columns1(a)
    case 2: blocks16BF16Columns2(a)
    case 3: blocks16BF16Columns3(a)
    case 4: blocks16BF16Columns4(a)
    case 5: blocks16BF16Columns5(a)
    default: blocks16BF16Columns6(a)
    }
  }

  /// Strips of blocks, by their columns.
  func blocksBF16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.blockColumns {
    case 1: blocks1BF16(a)
    case 2: blocks2BF16(a)
    case 4: blocks4BF16(a)
    case 8: blocks8BF16(a)
    default: blocks16BF16(a)
    }
  }

  @inline(never) private func blocks1F16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1F16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  private func blocks1F16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks1F16Columns1(a)
    case 2: blocks1F16Columns2(a)
    case 3: blocks1F16Columns3(a)
    case 4: blocks1F16Columns4(a)
    case 5: blocks1F16Columns5(a)
    default: blocks1F16Columns6(a)
    }
  }

  @inline(never) private func blocks2F16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2F16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  private func blocks2F16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks2F16Columns1(a)
    case 2: blocks2F16Columns2(a)
    case 3: blocks2F16Columns3(a)
    case 4: blocks2F16Columns4(a)
    case 5: blocks2F16Columns5(a)
    default: blocks2F16Columns6(a)
    }
  }

  @inline(never) private func blocks4F16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4F16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  private func blocks4F16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks4F16Columns1(a)
    case 2: blocks4F16Columns2(a)
    case 3: blocks4F16Columns3(a)
    case 4: blocks4F16Columns4(a)
    case 5: blocks4F16Columns5(a)
    default: blocks4F16Columns6(a)
    }
  }

  @inline(never) private func blocks8F16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8F16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, BlockF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  private func blocks8F16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks8F16Columns1(a)
    case 2: blocks8F16Columns2(a)
    case 3: blocks8F16Columns3(a)
    case 4: blocks8F16Columns4(a)
    case 5: blocks8F16Columns5(a)
    default: blocks8F16Columns6(a)
    }
  }

  @inline(never) private func blocks16F16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF16.self, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF16.self, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF16.self, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF16.self, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF16.self, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16F16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(
      a, BlockF16.self, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  private func blocks16F16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks16F16Columns1(a)
    case 2: blocks16F16Columns2(a)
    case 3: blocks16F16Columns3(a)
    case 4: blocks16F16Columns4(a)
    case 5: blocks16F16Columns5(a)
    default: blocks16F16Columns6(a)
    }
  }

  /// Strips of blocks, by their columns.
  func blocksF16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.blockColumns {
    case 1: blocks1F16(a)
    case 2: blocks2F16(a)
    case 4: blocks4F16(a)
    case 8: blocks8F16(a)
    default: blocks16F16(a)
    }
  }
#endif
