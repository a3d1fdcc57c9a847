// One kubeconfig file and what stands where in it.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "codec/position.h"

namespace stoker::kube {

// An object of a file. A copy is as good as the original; both keep the file's content alive.
class KubeconfigNode {
 public:
  struct Content {
    std::string path;
    codec::LocatedValue located;
  };

  KubeconfigNode(std::shared_ptr<const Content> content, const json::object& object, std::string pointer)
      : content_(std::move(content)), object_(&object), pointer_(std::move(pointer)) {}

  // What is missing, or null, is empty. Errors (invalid_document): of another type, with line and column.
  Result<std::string> text(const std::string& key) const;
  Result<bool> flag(const std::string& key) const;
  Result<std::vector<std::string>> texts(const std::string& key) const;
  Result<KubeconfigNode> object(const std::string& key) const;
  Result<std::vector<KubeconfigNode>> objects(const std::string& key) const;
  // A path, relative to the folder of the file. A command without a slash is looked for in PATH.
  Result<std::string> path(const std::string& key) const;
  Result<std::string> command(const std::string& key) const;
  bool has(const std::string& key) const;
  std::vector<std::string> keys() const;

  // "FILE:LINE:COLUMN: KEY what".
  Error wrong(const std::string& key, const std::string& what) const;

 private:
  const json::value* find(const std::string& key) const;

  std::shared_ptr<const Content> content_;
  const json::object* object_;  // into content_
  std::string pointer_;
};

class KubeconfigFile {
 public:
  static Result<KubeconfigFile> read(const std::string& path);
  KubeconfigNode root() const;

 private:
  std::shared_ptr<const KubeconfigNode::Content> content_;
};

}  // namespace stoker::kube
