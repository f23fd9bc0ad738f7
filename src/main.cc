#include <string>
#include <vector>

#include "app/commands.h"

int main(int argc, char** argv) { return app::run(std::vector<std::string>(argv, argv + argc)); }
