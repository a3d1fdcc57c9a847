// Base64 (RFC 4648, standard alphabet, padded). Decoding is strict but for white space, which line-wrapped texts have.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace stoker::codec {

std::string encode_base64(std::string_view bytes);
std::optional<std::string> decode_base64(std::string_view text);

}  // namespace stoker::codec
