// Numbers read as promised.

import LacunaReport
import Testing

@Suite struct NumeralTests {
  @Test func `fixed decimals round half away from zero and never print a negative zero`() {
    #expect(Numeral.fixed(0.125, digits: 2) == "0.13")
    #expect(Numeral.fixed(-0.125, digits: 2) == "-0.13")
    #expect(Numeral.fixed(-0.001, digits: 2) == "0.00")
    #expect(Numeral.fixed(12, digits: 0) == "12")
    #expect(Numeral.fixed(1e-9, digits: 3) == "0.000")
    #expect(Numeral.fixed(.nan, digits: 1) == "nan")
    #expect(Numeral.fixed(-.infinity, digits: 1) == "-inf")
  }

  @Test func `trailing zeros go, digits stay`() {
    #expect(Numeral.trimmed(0.5) == "0.5")
    #expect(Numeral.trimmed(100) == "100")
    #expect(Numeral.trimmed(0.1 + 0.2) == "0.3")
  }

  @Test func `short numbers have four digits, whatever their size`() {
    #expect(Numeral.short(0.19226953) == "0.1923")
    #expect(Numeral.short(-1.9817084) == "-1.982")
    #expect(Numeral.short(7.432165e-5) == "7.432e-5")
    #expect(Numeral.short(0.000123456) == "0.0001235")
    #expect(Numeral.short(9.99996e-6) == "1e-5")
    #expect(Numeral.short(123456.7) == "123457")
    #expect(Numeral.short(-3e38) == "-3e38")
    #expect(Numeral.short(0) == "0")
    #expect(Numeral.short(.infinity) == "inf")
    #expect(Numeral.short(.leastNonzeroMagnitude) == "4.941e-324")
  }

  @Test func `thousands are parted`() {
    #expect(Numeral.grouped(3_274_762) == "3\u{202F}274\u{202F}762")
    #expect(Numeral.grouped(-1000) == "-1\u{202F}000")
    #expect(Numeral.grouped(999) == "999")
    #expect(Numeral.grouped(.min).hasPrefix("-9\u{202F}223"))
  }

  @Test func `units suit the size`() {
    #expect(Numeral.bytes(999) == "999 B")
    #expect(Numeral.bytes(12_400) == "12.4 kB")
    #expect(Numeral.bytes(431_000) == "431 kB")
    #expect(Numeral.bytes(13_099_048) == "13.10 MB")
    #expect(Numeral.duration(seconds: 412e-6) == "412 µs")
    #expect(Numeral.duration(seconds: 1.349e-3) == "1.35 ms")
    #expect(Numeral.duration(seconds: 0.9996e-3) == "1000 µs")
    #expect(Numeral.clock(seconds: 65) == "1:05")
    #expect(Numeral.clock(seconds: 3661) == "1:01:01")
    #expect(Numeral.percent(0.9) == "90.0 %")
    #expect(Numeral.times(4.31) == "4.3×")
    #expect(Numeral.times(11.7) == "12×")
  }
}
