# Overlooks which register the task names.
s/\br9\b/r8/
