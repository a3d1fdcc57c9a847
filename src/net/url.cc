#include "net/url.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <memory>
#include <regex>

namespace stoker::net {

std::string percent_encode(std::string_view text, std::string_view keep) {
  constexpr std::string_view kUnreserved = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
  std::string encoded;
  encoded.reserve(text.size());
  for (const char character : text) {
    if (kUnreserved.find(character) != std::string_view::npos || keep.find(character) != std::string_view::npos)
      encoded += character;
    else
      encoded += fmt::format("%{:02X}", static_cast<unsigned char>(character));
  }
  return encoded;
}

std::string write_query(const Query& query) {
  std::string text;
  for (const auto& [name, value] : query) {
    if (!text.empty()) text += '&';
    text += percent_encode(name) + '=' + percent_encode(value);
  }
  return text;
}

Result<Url> parse_url(const std::string& text) {
  const std::unique_ptr<CURLU, decltype(&curl_url_cleanup)> parsed(curl_url(), &curl_url_cleanup);
  if (const CURLUcode code = curl_url_set(parsed.get(), CURLUPART_URL, text.c_str(), CURLU_NON_SUPPORT_SCHEME);
      code != CURLUE_OK)
    return Error{.code = ErrorCode::invalid_value,
                 .message = fmt::format("not an address: {}", curl_url_strerror(code)),
                 .hint = "an address is written https://host:port/path"};
  const auto part = [&](CURLUPart which) -> std::string {
    char* value = nullptr;
    if (curl_url_get(parsed.get(), which, &value, 0) != CURLUE_OK) return "";
    const std::unique_ptr<char, decltype(&curl_free)> owned(value, &curl_free);
    return owned.get();
  };
  return Url{.scheme = part(CURLUPART_SCHEME),
             .host = part(CURLUPART_HOST),
             .port = part(CURLUPART_PORT),
             .path = part(CURLUPART_PATH),
             .query = part(CURLUPART_QUERY)};
}

std::string without_password(const std::string& text) {
  // One slash: what was no address, for a blank in it, and became a path.
  static const std::regex kUserInfo("(:/{1,2})(?:[^/@,\\s]+|[^/@:,\\s]*:[^@,\\s]*)@");
  return text.find('@') == std::string::npos ? text : std::regex_replace(text, kUserInfo, "$1***@");
}

}  // namespace stoker::net
