"""Exports on a schedule: the files that can be had by hand, made for each period and handed over: mailed, or put into a
folder of the company's own on SFTP or in a bucket.
"""
