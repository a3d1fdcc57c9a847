#include "local/options.h"

#include <fmt/format.h>

#include <cctype>
#include <utility>

#include "runtime/file.h"

namespace stoker::local {

namespace {

constexpr std::size_t kSecretLimit = 64 * 1024;

Result<std::string> read_secret(const std::filesystem::path& file) {
  TRY_ASSIGN(std::string text, runtime::read_file(file, kSecretLimit));
  // Editors and `echo` end a file with a newline that is no part of the secret.
  if (text.ends_with('\n')) text.pop_back();
  if (text.ends_with('\r')) text.pop_back();
  return text;
}

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
    constexpr std::string_view kVariable = "env:", kFile = "file:";
    if (name.starts_with(kFile)) {
      return read_secret(name.substr(kFile.size())).with_context(fmt::format("read the secret \"{}\"", name));
    }
    const bool named = name.starts_with(kVariable);
    const std::string variable = named ? name.substr(kVariable.size()) : secret_variable(name);
    if (auto found = environment.find(variable); found != environment.end()) return found->second;
    Error missing{.code = ErrorCode::environment,
                  .message = fmt::format("the secret \"{}\" is not set", name),
                  .hint = fmt::format("set the environment variable {}", variable)};
    if (named || folder.empty() || name.empty() || name.find('/') != std::string::npos || name.front() == '.')
      return missing;
    missing.hint += fmt::format(" or write it to {}", (folder / name).string());
    auto text = read_secret(folder / name);
    if (!text && text.error().code == ErrorCode::not_found) return missing;
    return text;
  };
}

}  // namespace stoker::local
