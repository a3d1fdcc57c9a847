// Text from outside (logs, messages) made fit for JSON, terminals and the database.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace stoker::local {

// Valid UTF-8 without control characters but newline and tab: bad bytes become U+FFFD, escape sequences of terminals
// vanish, a carriage return ends what it would have overwritten.
std::string printable(std::string_view bytes);
// The last lines of a log, at most `lines` of them and `bytes` bytes, printable, without blank lines at the end.
std::string printable_tail(std::string_view bytes, std::size_t lines, std::size_t limit);

}  // namespace stoker::local
