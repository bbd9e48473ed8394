#!/usr/bin/env node
import { run } from './run.ts'

const exitCode = await run(process)
if (exitCode > 2) process.exit(exitCode)
// Whatever is still open closes by itself; an interrupted connection attempt would not.
process.exitCode = exitCode
