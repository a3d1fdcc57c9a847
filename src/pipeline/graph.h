// Graph: the steps of one (sub-)pipeline as numbers, and who needs whom. Two flat arrays per direction: 100,000 steps
// cost a few megabytes.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

#include "pipeline/document.h"

namespace stoker::pipeline {

class Graph {
 public:
  // `from` needs `to`. Soft: used only inside one_of(…), so that a skipped `to` is tolerated.
  struct Edge {
    std::uint32_t from = 0;
    std::uint32_t to = 0;
    bool soft = false;
  };
  struct Link {
    std::uint32_t node = 0;
    bool soft = false;
    friend bool operator==(const Link&, const Link&) = default;
  };

  Graph() = default;
  // Of several edges between the same two one remains, soft only if all were.
  Graph(std::size_t nodes, const std::vector<Edge>& edges);

  std::size_t size() const { return dependency_starts_.empty() ? 0 : dependency_starts_.size() - 1; }
  // What the node needs, and who needs it; ascending.
  std::span<const Link> dependencies(std::uint32_t node) const {
    return links(dependency_starts_, dependencies_, node);
  }
  std::span<const Link> dependants(std::uint32_t node) const { return links(dependant_starts_, dependants_, node); }

  // All nodes, each after what it needs, and among equals in the order of their numbers; shorter than size() if there
  // is a cycle.
  std::vector<std::uint32_t> topological_order() const;
  // A shortest cycle through some node, first node not repeated; empty: there is none.
  std::vector<std::uint32_t> find_cycle() const;

 private:
  static std::span<const Link> links(const std::vector<std::uint32_t>& starts, const std::vector<Link>& all,
                                     std::uint32_t node) {
    return {all.data() + starts[node], all.data() + starts[node + 1]};
  }

  std::vector<std::uint32_t> dependency_starts_, dependant_starts_;
  std::vector<Link> dependencies_, dependants_;
};

// Calls visit(text) for every text of the step that is a template, in the order of the document.
void for_each_template(const Step& step, const std::function<void(std::string_view text)>& visit);

// The graph of `steps`, the main steps or the finally steps of a pipeline: node i is steps[i]. Edges are `needs` and
// the references of the step's templates; names that are not among `steps` are left out, and templates that do not
// parse (validation refuses both).
Graph make_graph(std::span<const Step> steps);

}  // namespace stoker::pipeline
