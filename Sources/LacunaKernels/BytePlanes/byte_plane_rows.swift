// Depthwise convolutions of bytes, for the table.

/// Planes, and rows of pixels.
func bytePlaneRows(_ rows: KernelRows) {
  rows("depthwiseBytes", "i8u8") { depthwiseBytesF32(arguments($0)) }
  rows("depthwiseBytes", "i8u8u8") { depthwiseBytesU8(arguments($0)) }
  rows("depthwiseByteChannels", "i8u8") { depthwiseByteChannelsF32(arguments($0)) }
  rows("depthwiseByteChannels", "i8u8u8") { depthwiseByteChannelsU8(arguments($0)) }
}
