"""Commands that train many times to answer one question: of methods, of agents, of leaks."""
