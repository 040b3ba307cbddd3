// What an engine's plug-in took and what it left, as JSON.
#pragma once
#include <cstddef>
#include <cstdio>
#include <stdexcept>
#include <string>
#include <vector>

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

// How a report names a node: as the engine does, by a number or a name.
inline std::string named(int node) { return std::to_string(node); }
inline std::string named(const std::string &node) { return quoted(node); }

// A JSON array, one object a line; written beside and renamed. A decision is what became of one product of the graph.
template <class Decision>
void write_report(const std::string &path, const std::vector<Decision> &decisions) {
  const std::string part = path + ".part";
  FILE *file = std::fopen(part.c_str(), "w");
  if (file == nullptr) throw std::runtime_error("cannot write the report to " + path);
  std::fputs("[", file);
  const char *separator = "\n";
  for (const Decision &d : decisions) {
    std::string nodes;
    for (const auto &node : d.nodes) nodes += (nodes.empty() ? "" : ", ") + named(node);
    std::fprintf(file,
                 "%s {\"name\": %s, \"type\": %s, \"nodes\": [%s], \"rows\": %lld, \"columns\": %lld, \"width\": %lld, "
                 "\"zeros\": %.6f, \"stretch\": %lld, \"claimed\": %s, \"kernel\": %s, \"reason\": %s}",
                 separator, quoted(d.name).c_str(), quoted(d.type).c_str(), nodes.c_str(), (long long)d.rows,
                 (long long)d.columns, (long long)d.width, d.zeros, (long long)d.stretch, d.reason.empty() ? "true" : "false",
                 quoted(d.kernel).c_str(), quoted(d.reason).c_str());
    separator = ",\n";
  }
  std::fputs("\n]\n", file);
  const bool written = std::fclose(file) == 0 && std::rename(part.c_str(), path.c_str()) == 0;
  if (!written) throw std::runtime_error("cannot write the report to " + path);
}
