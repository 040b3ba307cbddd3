// zlib: gzip and raw deflate streams, CRC-32.
#pragma once
#if !__has_include(<zlib.h>)
#error "zlib was not found: install it (Debian/Ubuntu: apt-get install zlib1g-dev)"
#endif
#include <zlib.h>
