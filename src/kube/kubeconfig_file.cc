#include "kube/kubeconfig_file.h"

#include <fmt/format.h>

#include <filesystem>

#include "base/strings.h"
#include "codec/yaml.h"
#include "kube/cluster_configuration.h"
#include "runtime/file.h"

namespace stoker::kube {

namespace fs = std::filesystem;

const json::value* KubeconfigNode::find(const std::string& key) const {
  const json::value* value = object_->if_contains(key);
  return value == nullptr || value->is_null() ? nullptr : value;
}

bool KubeconfigNode::has(const std::string& key) const {
  return find(key) != nullptr;
}

std::vector<std::string> KubeconfigNode::keys() const {
  std::vector<std::string> keys;
  for (const auto& member : *object_)
    keys.emplace_back(member.key());
  return keys;
}

Error KubeconfigNode::wrong(const std::string& key, const std::string& what) const {
  const codec::Mark mark = content_->located.positions.value(
      content_->located.value, fmt::format("{}/{}", pointer_, codec::escape_pointer(key)));
  return codec::located_error(content_->path, mark, fmt::format("{} {}", key, what));
}

Result<std::string> KubeconfigNode::text(const std::string& key) const {
  const json::value* value = find(key);
  if (value == nullptr) return std::string();
  if (!value->is_string()) return wrong(key, "should be a text");
  return std::string(value->get_string());
}

Result<bool> KubeconfigNode::flag(const std::string& key) const {
  const json::value* value = find(key);
  if (value == nullptr) return false;
  if (!value->is_bool()) return wrong(key, "should be true or false");
  return value->get_bool();
}

Result<std::vector<std::string>> KubeconfigNode::texts(const std::string& key) const {
  std::vector<std::string> found;
  const json::value* value = find(key);
  if (value == nullptr) return found;
  if (!value->is_array()) return wrong(key, "should be a list of texts");
  for (const json::value& each : value->get_array()) {
    if (!each.is_string()) return wrong(key, "should be a list of texts");
    found.emplace_back(each.get_string());
  }
  return found;
}

Result<KubeconfigNode> KubeconfigNode::object(const std::string& key) const {
  const json::value* value = find(key);
  static const json::object kEmpty;
  if (value != nullptr && !value->is_object()) return wrong(key, "should be an object");
  return KubeconfigNode(content_, value == nullptr ? kEmpty : value->get_object(),
                        fmt::format("{}/{}", pointer_, codec::escape_pointer(key)));
}

Result<std::vector<KubeconfigNode>> KubeconfigNode::objects(const std::string& key) const {
  std::vector<KubeconfigNode> found;
  const json::value* value = find(key);
  if (value == nullptr) return found;
  if (!value->is_array()) return wrong(key, "should be a list of objects");
  for (const json::value& each : value->get_array()) {
    if (!each.is_object()) return wrong(key, "should be a list of objects");
    found.emplace_back(content_, each.get_object(), fmt::format("{}/{}/{}", pointer_, key, found.size()));
  }
  return found;
}

Result<std::string> KubeconfigNode::path(const std::string& key) const {
  TRY_ASSIGN(const std::string given, text(key));
  if (given.empty() || fs::path(given).is_absolute()) return given;
  return (fs::path(content_->path).parent_path() / given).lexically_normal().string();
}

Result<std::string> KubeconfigNode::command(const std::string& key) const {
  TRY_ASSIGN(const std::string given, text(key));
  return given.find('/') == std::string::npos ? Result<std::string>(given) : path(key);
}

Result<KubeconfigFile> KubeconfigFile::read(const std::string& path) {
  auto text = runtime::read_file(path, kMaximumKubeconfigBytes);
  if (!text) return std::move(text).error().with_context("the kubeconfig");
  auto content = std::make_shared<KubeconfigNode::Content>();
  content->path = path;
  // An empty file is a kubeconfig with nothing in it.
  content->located = codec::parse_yaml(trim(*text).empty() ? "{}" : std::string_view(*text));
  if (!content->located.problems.empty()) return codec::located_error(path, content->located.problems.front());
  if (!content->located.value.is_object())
    return Error{.code = ErrorCode::invalid_document, .message = fmt::format("{} is no kubeconfig", path)};
  KubeconfigFile file;
  file.content_ = std::move(content);
  return file;
}

KubeconfigNode KubeconfigFile::root() const {
  return {content_, content_->located.value.get_object(), ""};
}

}  // namespace stoker::kube
