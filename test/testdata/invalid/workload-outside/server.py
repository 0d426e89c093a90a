print("not run by any test")
