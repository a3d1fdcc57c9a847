// DocumentTree: a document while it is being read: its files, its pipelines with the place of everything, before it
// becomes a Document. Internal to validation.
#pragma once

#include <deque>
#include <map>
#include <string>
#include <vector>

#include "pipeline/document.h"
#include "pipeline/source.h"
#include "pipeline/validate.h"

namespace stoker::pipeline {

// One step: what was read of it, and where it stands.
struct StepSite {
  std::string member;                       // "steps" or "finally"
  std::size_t index = 0;                    // in the list of the document
  const json::value* value = nullptr;       // an object
  const Source* manifest_source = nullptr;  // the file of its manifest, if it is in one
};

struct PipelineNode {
  const Source* source = nullptr;
  std::string pointer;  // in the source
  const json::value* value = nullptr;
  PipelineNode* parent = nullptr;
  std::string key;           // "" for the main one, else "outer/inner"
  std::string written_file;  // of a sub-pipeline in a file of its own, as written
  std::map<std::string, PipelineNode*, std::less<>> children;
  // False: its file was refused, so nothing is known of it.
  bool known = false;
  Pipeline pipeline;
  // Beside pipeline.steps and pipeline.finally.
  std::vector<StepSite> step_sites, finally_sites;

  JsonPath root() const {
    JsonPath path{.value = value, .title = key.empty() ? "pipeline" : "sub-pipeline"};
    path.prefix = pointer;
    return path;
  }
  // The sub-pipeline that `name` means here: of this pipeline or one around it.
  PipelineNode* find(std::string_view name) const {
    for (const auto* node = this; node != nullptr; node = node->parent) {
      if (const auto it = node->children.find(name); it != node->children.end()) return it->second;
    }
    return nullptr;
  }
};

struct DocumentTree {
  std::deque<Source> sources;      // stable addresses
  std::deque<PipelineNode> nodes;  // nodes[0] is the main pipeline
};

// The requirements of a document on the program; false: reading on makes no sense, the reason is reported.
bool check_requirements(const Source& source, const JsonPath& path, const LoadOptions& options, Reporter& reporter);

// Reads pipelines with their steps and sub-pipelines into the tree, reporting what a schema cannot say about each value
// on its own.
void read_tree(DocumentTree& tree, const LoadOptions& options, Reporter& reporter);

// What concerns one step alone: its kind's rules, its outputs, its conditions. (validate_step.cc)
void check_step(const Step& step, const Source& source, const JsonPath& path, Reporter& reporter);

// Names inside expressions, needs, sub-pipelines and their inputs, and with them the cycles. (validate_references.cc)
void check_references(DocumentTree& tree, Reporter& reporter);

// Steps of the pipeline that need each other; sub-pipelines that run themselves, directly or through others.
// (validate_cycles.cc)
void check_cycles(const PipelineNode& node, Reporter& reporter);
void check_recursion(const DocumentTree& tree, Reporter& reporter);

}  // namespace stoker::pipeline
