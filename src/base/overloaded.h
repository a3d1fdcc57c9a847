// overloaded: one visitor from several lambdas, for std::visit.
#pragma once

namespace stoker {

template <class... Ts>
struct overloaded : Ts... {
  using Ts::operator()...;
};

}  // namespace stoker
