//go:build tools

// Keeps the program that is built beside the driver among the requirements.
package main

import _ "github.com/aliyun/ossutil/lib"
