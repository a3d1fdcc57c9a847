// RunPlan: what the run machine needs of a document, with names turned into numbers: for each (sub-)pipeline its steps
// in document order, main ones first, then `finally`, and for each step what it waits for.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/result.h"
#include "pipeline/document.h"

namespace stoker::pipeline {

enum class NeedKind : std::uint8_t {
  order,  // named in `needs`, or only its state is read
  value,  // one of its outputs is read
  soft    // its outputs are read only inside one_of(…): a skipped one is tolerated
};

struct PlanNeed {
  std::uint32_t step;  // in the same PlanPipeline
  NeedKind kind;
};

struct PlanStep {
  const Step* step = nullptr;  // in the document
  std::int32_t pipeline = -1;  // of a pipeline step: index in RunPlan::pipelines
  std::vector<PlanNeed> needs;
  // Steps of the same part (main or finally) that wait for this one; a finally step waits for all main steps anyway.
  std::vector<std::uint32_t> dependants;
};

struct PlanPipeline {
  const Pipeline* pipeline = nullptr;
  std::vector<PlanStep> steps;
  std::uint32_t main_count = 0;  // steps[main_count…] are finally

  // Position by name, main and finally steps alike.
  std::unordered_map<std::string_view, std::uint32_t> by_name;

  bool is_finally(std::uint32_t step) const { return step >= main_count; }
};

struct RunPlan {
  std::shared_ptr<const Document> document;
  std::vector<PlanPipeline> pipelines;  // [0] is the main one
};

// The document must be valid: unknown names and cycles are a defect here and reported as `internal`.
Result<std::shared_ptr<const RunPlan>> make_run_plan(std::shared_ptr<const Document> document);

}  // namespace stoker::pipeline
