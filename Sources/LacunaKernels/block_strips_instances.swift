// The instances of the block kernels: C block columns by 1…6 columns of X.
// Made by Scripts/instances: do not edit.

import CSIMD

#if LACUNA_V4 || LACUNA_V3
  @inline(never) private func blocks1Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  @inline(never) private func blocks1Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 1)
  }
  private func blocks1(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks1Columns1(a)
    case 2: blocks1Columns2(a)
    case 3: blocks1Columns3(a)
    case 4: blocks1Columns4(a)
    case 5: blocks1Columns5(a)
    default: blocks1Columns6(a)
    }
  }

  @inline(never) private func blocks2Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  @inline(never) private func blocks2Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 2)
  }
  private func blocks2(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks2Columns1(a)
    case 2: blocks2Columns2(a)
    case 3: blocks2Columns3(a)
    case 4: blocks2Columns4(a)
    case 5: blocks2Columns5(a)
    default: blocks2Columns6(a)
    }
  }

  @inline(never) private func blocks4Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  @inline(never) private func blocks4Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 4)
  }
  private func blocks4(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks4Columns1(a)
    case 2: blocks4Columns2(a)
    case 3: blocks4Columns3(a)
    case 4: blocks4Columns4(a)
    case 5: blocks4Columns5(a)
    default: blocks4Columns6(a)
    }
  }

  @inline(never) private func blocks8Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  @inline(never) private func blocks8Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 8)
  }
  private func blocks8(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks8Columns1(a)
    case 2: blocks8Columns2(a)
    case 3: blocks8Columns3(a)
    case 4: blocks8Columns4(a)
    case 5: blocks8Columns5(a)
    default: blocks8Columns6(a)
    }
  }

  @inline(never) private func blocks16Columns1(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<1, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16Columns2(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<2, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16Columns3(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<3, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16Columns4(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<4, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16Columns5(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<5, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  @inline(never) private func blocks16Columns6(_ a: UnsafePointer<lcn_block_args>) {
    multiplyBlocks(a, InlineArray<6, BlockVector>(repeating: .zero), blockColumns: 16)
  }
  private func blocks16(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.columns {
    case 1: blocks16Columns1(a)
    case 2: blocks16Columns2(a)
    case 3: blocks16Columns3(a)
    case 4: blocks16Columns4(a)
    case 5: blocks16Columns5(a)
    default: blocks16Columns6(a)
    }
  }

  /// Strips of blocks, by their columns.
  package func blocksF32(_ a: UnsafePointer<lcn_block_args>) {
    switch a.pointee.blockColumns {
    case 1: blocks1(a)
    case 2: blocks2(a)
    case 4: blocks4(a)
    case 8: blocks8(a)
    default: blocks16(a)
    }
  }
#endif
