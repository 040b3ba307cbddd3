// The decisions as JSON.
#pragma once
#include <string>
#include <vector>

#include "product.h"

// Writes an array, one object a line, beside `path` and renames it. Fails when it cannot.
void write_report(const std::string &path, const std::vector<Decision> &decisions);
