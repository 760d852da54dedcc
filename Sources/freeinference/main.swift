print("freeinference")
