# Takes the guest's new powers for a breach of control, and sensitive for user-sensitive.
s/"property": "equivalence"/"property": "control"/
s/"notSubset": \["sensitive"\]/"notSubset": ["user-sensitive"]/
