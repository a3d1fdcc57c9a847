// How many terminal columns a text takes, and cutting text to columns. UTF-8; bytes that are not UTF-8 count as one
// column each and control characters are replaced, so that nothing that a user's code printed can move the cursor.
#pragma once

#include <string>
#include <string_view>

namespace stoker::cli {

std::size_t text_width(std::string_view text);
// At most `columns` wide; a cut text ends in "…".
std::string fit(std::string_view text, std::size_t columns);
// fit, then padded with spaces to exactly `columns`.
std::string pad(std::string_view text, std::size_t columns);
// One line without control characters: newlines and tabs become spaces, others "�".
std::string one_line(std::string_view text);

}  // namespace stoker::cli
