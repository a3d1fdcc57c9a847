// What the tests of this folder share: a folder of their own and plausible rows.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <memory>
#include <string>

#include "metadata/store.h"

namespace stoker::metadata {

inline const WallTime kNow{std::chrono::sys_days{std::chrono::year{2026} / 1 / 1}};

class TestFolder {
 public:
  TestFolder() {
    auto name = (std::filesystem::temp_directory_path() / "stoker store ü XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~TestFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TestFolder(const TestFolder&) = delete;
  TestFolder& operator=(const TestFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::unique_ptr<Store> open_store(const std::filesystem::path& folder, const StoreOptions& options = {}) {
  auto store = Store::open(folder, options);
  if (!store.ok()) throw std::runtime_error(store.error().describe());
  return std::move(store).value();
}

inline RunRow sample_run(const std::string& id) {
  RunRow run;
  run.id = RunId(id);
  run.pipeline = PipelineName("p");
  run.document = {{"name", "p"}};
  run.document_digest = "d1";
  run.created = kNow;
  run.owner = "pid 1";
  return run;
}

inline StepRow sample_step(const std::string& path, const std::string& state) {
  StepRow step;
  step.path = StepPath(path);
  step.name = StepName(path);
  step.state = state;
  step.outputs = {{"output", {{"artifact", {{"uri", "/artifacts/" + path}}}}}};
  return step;
}

inline CacheEntry sample_entry(const std::string& key, const std::string& variant) {
  CacheEntry entry;
  entry.key = key;
  entry.variant = variant;
  entry.pipeline = PipelineName("p");
  entry.step = StepName("a");
  entry.path = StepPath("a");
  entry.run = RunId("20260101-000000-made");
  entry.attempt = 1;
  entry.outputs = {{"output", {{"artifact", {{"uri", "/artifacts/cached"}}}}}};
  entry.created = kNow;
  return entry;
}

}  // namespace stoker::metadata
