"""How many people, how fresh, where and who: from batches and what servers tell, to aggregates.

Pure: no module here reaches the network. What a module holds while it measures (sketches, counts)
lives and dies in the sampling process; what it gives out are the types of `leftopen.model`, as
`disclosure` lets them be shown.
"""
