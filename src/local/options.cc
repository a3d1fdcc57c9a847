#include "local/options.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "runtime/file.h"

namespace stoker::local {

namespace {

constexpr std::size_t kSecretLimit = 64 * 1024;

}  // namespace

std::string secret_variable(const std::string& name) {
  std::string variable = "STOKER_SECRET_";
  for (char letter : name) {
    auto byte = static_cast<unsigned char>(letter);
    variable += std::isalnum(byte) != 0 && byte < 0x80 ? static_cast<char>(std::toupper(byte)) : '_';
  }
  return variable;
}

SecretSource default_secrets(runtime::Environment environment, std::filesystem::path folder) {
  return [environment = std::move(environment),
          folder = std::move(folder)](const std::string& name) -> Result<std::string> {
    const std::string variable = secret_variable(name);
    if (auto found = environment.find(variable); found != environment.end()) return found->second;
    Error missing{.code = ErrorCode::environment,
                  .message = fmt::format("the secret \"{}\" is not set", name),
                  .hint = fmt::format("set the environment variable {}", variable)};
    if (folder.empty() || name.empty() || name.find('/') != std::string::npos || name.front() == '.') return missing;
    missing.hint += fmt::format(" or write it to {}", (folder / name).string());
    auto text = runtime::read_file(folder / name, kSecretLimit);
    if (!text && text.error().code == ErrorCode::not_found) return missing;
    if (!text) return std::move(text).error();
    // Editors and `echo` end a file with a newline that is no part of the secret.
    if (text->ends_with('\n')) text->pop_back();
    if (text->ends_with('\r')) text->pop_back();
    return *std::move(text);
  };
}

}  // namespace stoker::local
