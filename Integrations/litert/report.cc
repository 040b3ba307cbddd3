// See report.h.
#include "report.h"

#include <cstdio>

#include "../quoted.h"

void write_report(const std::string &path, const std::vector<Decision> &decisions) {
  const std::string part = path + ".part";
  FILE *file = std::fopen(part.c_str(), "w");
  if (file == nullptr) throw Refusal("cannot write the report to " + path);
  std::fputs("[", file);
  const char *separator = "\n";
  for (const Decision &d : decisions) {
    std::string nodes;
    for (int node : d.nodes) nodes += (nodes.empty() ? "" : ", ") + std::to_string(node);
    std::fprintf(file,
                 "%s {\"name\": %s, \"type\": %s, \"nodes\": [%s], \"rows\": %lld, \"columns\": %lld, \"width\": %lld, "
                 "\"zeros\": %.6f, \"claimed\": %s, \"kernel\": %s, \"reason\": %s}",
                 separator, quoted(d.name).c_str(), quoted(d.type).c_str(), nodes.c_str(), (long long)d.rows,
                 (long long)d.columns, (long long)d.width, d.zeros, d.reason.empty() ? "true" : "false",
                 quoted(d.kernel).c_str(), quoted(d.reason).c_str());
    separator = ",\n";
  }
  std::fputs("\n]\n", file);
  const bool written = std::fclose(file) == 0 && std::rename(part.c_str(), path.c_str()) == 0;
  if (!written) throw Refusal("cannot write the report to " + path);
}
