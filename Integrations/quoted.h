// Text as JSON, for the reports of what an engine's plug-in took.
#pragma once
#include <cstddef>
#include <cstdio>
#include <string>

// The bytes of the UTF-8 character at `place`; 0 when there is none.
inline size_t character(const std::string &text, size_t place) {
  const auto byte = [&](size_t i) { return place + i < text.size() ? static_cast<unsigned char>(text[place + i]) : 0u; };
  const unsigned first = byte(0), second = byte(1);
  const size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  for (size_t i = 1; i < length; i++)
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  // Longer than need be, half of a pair, or beyond the last.
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second > 0x9f) || (first == 0xf0 && second < 0x90) ||
      (first == 0xf4 && second > 0x8f))
    return 0;
  return length;
}

// A JSON string. A model's names may be any bytes: those that are no UTF-8 become the characters of their numbers.
inline std::string quoted(const std::string &text) {
  std::string result = "\"";
  for (size_t i = 0; i < text.size();) {
    const size_t length = character(text, i);
    char hex[8];
    std::snprintf(hex, sizeof hex, "\\u%04x", static_cast<unsigned>(static_cast<unsigned char>(text[i])));
    if (text[i] == '"' || text[i] == '\\') result += '\\';
    result += length == 0 || static_cast<unsigned char>(text[i]) < 0x20 ? std::string(hex) : text.substr(i, length);
    i += length == 0 ? 1 : length;
  }
  return result + "\"";
}
