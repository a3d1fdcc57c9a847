#include "cli/view/table.h"

#include <algorithm>

#include "cli/view/text_width.h"

namespace stoker::cli {

namespace {
constexpr std::size_t kGap = 2;
}

void Table::add(std::vector<std::string> cells) {
  cells.resize(header_.size());
  for (auto& cell : cells)
    cell = one_line(cell);
  rows_.push_back(std::move(cells));
}

std::string Table::text(std::size_t columns) const {
  std::vector<std::size_t> widths;
  for (std::size_t i = 0; i < header_.size(); ++i) {
    widths.push_back(text_width(header_[i]));
    for (const auto& row : rows_)
      widths[i] = std::max(widths[i], text_width(row[i]));
  }
  std::string out;
  const auto print = [&](const std::vector<std::string>& row) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i)
      line += i + 1 < row.size() ? pad(row[i], widths[i] + kGap) : row[i];
    if (columns > 0) line = fit(line, columns);
    out += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  print(header_);
  for (const auto& row : rows_)
    print(row);
  return out;
}

}  // namespace stoker::cli
