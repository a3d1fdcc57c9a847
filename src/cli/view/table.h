// Columns of text the way kubectl prints them: a header in capitals, cells aligned, nothing cut but the last column.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

namespace stoker::cli {

class Table {
 public:
  explicit Table(std::vector<std::string> header) : header_(std::move(header)) {}
  // As many cells as the header has; control characters are made harmless.
  void add(std::vector<std::string> cells);
  bool empty() const { return rows_.empty(); }
  // The last column is cut at `columns`; 0: nothing is.
  std::string text(std::size_t columns = 0) const;

 private:
  std::vector<std::string> header_;
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace stoker::cli
